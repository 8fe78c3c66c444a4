"""The function that writes costs in FOCUS columns to the bucket of reports, every day."""

from __future__ import annotations

from aws_cdk import Duration, Size
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_enrichment import call_settings
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.reporting_function import ReportingFunction
from lambdas.domain.reports.focus import COSTS_PREFIX
from lambdas.functions.focus_exporter.settings import Settings


class FocusExporter(ReportingFunction):
    """The function `focus_exporter` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        ledger: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
        reports: s3.IBucket,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            ledger: The table of calls.
            state: The table of the meter's state, with tags.
            prices: The bucket of price editions.
            reports: The bucket that it writes to.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **call_settings(config, state=state, prices=prices),
                ledger_table=ledger.table_name,
                report_bucket=reports.bucket_name,
                ledger_retention_days=config.ledger_retention_days,
                billing_account_id=config.billing_account_id,
            ),
            defaults=defaults,
            ledger=ledger,
            state=state,
            prices=prices,
            every=Duration.days(1),
            at=events.Schedule.cron(hour="3", minute="30"),  # when yesterday is logged
            purpose="writes costs in FOCUS columns",
            groups=["parquet"],
            ephemeral_storage=Size.gibibytes(1),
        )
        self.grant_write_files(reports, COSTS_PREFIX)
