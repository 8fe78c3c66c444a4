"""The function that compares models on the calls of each week, and its schedule."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_enrichment import call_settings
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.reporting_function import ReportingFunction
from lambdas.domain.reports.comparison import COMPARISON_PREFIX
from lambdas.functions.comparison_reporter.settings import Settings


class ComparisonReporter(ReportingFunction):
    """The function `comparison_reporter` and its schedule."""

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
        metered_group: str,
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
            metered_group: The name of the metered log group.
        """
        config = defaults.config
        # The owner of an adopted group can change at any time what is logged there.
        may_have_content = config.log_content or config.adopted_log_group is not None
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **call_settings(config, state=state, prices=prices),
                ledger_table=ledger.table_name,
                report_bucket=reports.bucket_name,
                content_log_group=metered_group if may_have_content else "",
            ),
            defaults=defaults,
            ledger=ledger,
            state=state,
            prices=prices,
            every=Duration.days(7),
            at=events.Schedule.cron(week_day="MON", hour="4", minute="30"),  # Sunday is in
            purpose="compares models on real traffic",
        )
        self.grant_write_files(reports, COMPARISON_PREFIX)
        if may_have_content:
            self._grant_read_logs(metered_group)

    def _grant_read_logs(self, log_group: str) -> None:
        # AWS and local clouds check against both names of a log group:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        arn = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{log_group}"
        self.grant("logs:FilterLogEvents", on=arn)
        self.grant(
            "logs:FilterLogEvents", on=f"{arn}:*", wildcard="All streams of the metered log group."
        )
