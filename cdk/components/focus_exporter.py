"""What writes costs in FOCUS columns to the bucket of reports, every day."""

from __future__ import annotations

from aws_cdk import Aws, Duration, Size
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.config import Config
from cdk.stacks.storage import StorageStack
from lambdas.domain.focus import COSTS_PREFIX
from lambdas.domain.metering.ledger_table import TAGS_PREFIX
from lambdas.functions.focus_exporter.settings import Settings

EXPORTED_EVERY = Duration.days(1)


class FocusExporter(MeterFunction):
    """The function `focus_exporter`, and what starts it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        code: FunctionCode,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: Prices, what calls are put down to, and who pays.
            storage: The ledger and the bucket of reports.
            code: What functions share.
        """
        super().__init__(
            scope,
            construct_id,
            job="focus_exporter",
            settings=Settings(
                account_id=Aws.ACCOUNT_ID,
                ledger_table=storage.ledger.table_name,
                negotiated_prices=config.negotiated_prices,
                attribution=config.attribution,
                report_bucket=storage.reports.bucket_name,
                ledger_retention_days=config.ledger_retention_days,
                billing_account_id=config.billing_account_id,
            ),
            code=code,
            layers=[code.parquet],
            timeout=Duration.minutes(15),  # the longest there is
            memory_size=2048,  # a million charges take half of it, DuckDB an eighth
            ephemeral_storage=Size.gibibytes(1),
            log_key=storage.stored_with,
        )
        self.allow("dynamodb:Scan", on=storage.ledger.table_arn)
        self.allow_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"),
            on=storage.ledger.table_arn,
            keys=[f"{TAGS_PREFIX}*"],
        )
        self.let_read_tags()
        self.allow("s3:PutObject", on=storage.reports.arn_for_objects(f"{COSTS_PREFIX}*"))
        if storage.stored_with is not None:
            storage.stored_with.grant_encrypt_decrypt(self)
        self.configure_async_invoke(retry_attempts=1)  # the next day's run writes the same afresh
        events.Rule(
            self,
            "Schedule",
            description="Bedrock Meter: writes costs in FOCUS columns",
            schedule=events.Schedule.cron(hour="3", minute="30"),  # UTC, when yesterday is logged
            targets=[targets.LambdaFunction(self)],
        )
