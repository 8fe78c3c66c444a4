"""What writes costs in FOCUS columns to the bucket of reports, every day."""

from __future__ import annotations

from aws_cdk import Duration, Size
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.components.call_settings import call_settings
from cdk.components.meter_function import FunctionCode
from cdk.components.reporting_function import ReportingFunction
from cdk.config import Config
from cdk.stacks.storage import StorageStack
from lambdas.domain.reports.focus import COSTS_PREFIX
from lambdas.functions.focus_exporter.settings import Settings

EXPORTED_EVERY = Duration.days(1)


class FocusExporter(ReportingFunction):
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
                **call_settings(config, storage),
                report_bucket=storage.reports.bucket_name,
                ledger_retention_days=config.ledger_retention_days,
                billing_account_id=config.billing_account_id,
            ),
            code=code,
            storage=storage,
            prefix=COSTS_PREFIX,
            schedule=events.Schedule.cron(hour="3", minute="30"),  # when yesterday is logged
            description="writes costs in FOCUS columns",
            layers=[code.parquet],
            ephemeral_storage=Size.gibibytes(1),
        )
