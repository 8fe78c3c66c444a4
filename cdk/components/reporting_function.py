"""A function that reports on what the ledger holds, to the bucket of reports, on a schedule."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Size
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.functions.price_updater import grant_read_prices
from cdk.stacks.storage import StorageStack
from lambdas.domain.ledger.table import TAGS_PREFIX
from lambdas.wiring.call_settings import CallSettings


class ReportingFunction(MeterFunction):
    """Reads every call, puts calls down to projects, and writes files of one prefix."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: str,
        settings: CallSettings,
        code: FunctionCode,
        storage: StorageStack,
        prefix: str,
        schedule: events.Schedule,
        description: str,
        layers: Sequence[lambda_.ILayerVersion] = (),
        ephemeral_storage: Size | None = None,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            job: The name of its package in `lambdas.functions`.
            settings: What it is told by its environment.
            code: What functions share.
            storage: The ledger, the price editions and the bucket of reports.
            prefix: What the names of its files begin with.
            schedule: When it is started, in UTC.
            description: What it does, for the rule that starts it.
            layers: Layers beside that of the dependencies.
            ephemeral_storage: Its temporary folder, if more than half a gigabyte.
        """
        super().__init__(
            scope,
            construct_id,
            job=job,
            settings=settings,
            code=code,
            layers=layers,
            timeout=Duration.minutes(15),  # the longest there is
            memory_size=2048,  # for as many charges or calls as each says it can hold
            ephemeral_storage=ephemeral_storage,
            log_key=storage.stored_with,
        )
        self.allow("dynamodb:Scan", on=storage.ledger.table_arn)
        self.allow_items(
            *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"),
            on=storage.ledger.table_arn,
            keys=[f"{TAGS_PREFIX}*"],
        )
        self.let_read_tags()
        grant_read_prices(self, storage)
        self.allow("s3:PutObject", on=storage.reports.arn_for_objects(f"{prefix}*"))
        if storage.stored_with is not None:
            storage.stored_with.grant_encrypt_decrypt(self)
        self.configure_async_invoke(retry_attempts=1)  # another run writes the same afresh
        events.Rule(
            self,
            "Schedule",
            description=f"Bedrock Meter: {description}",
            schedule=schedule,
            targets=[targets.LambdaFunction(self)],
        )
