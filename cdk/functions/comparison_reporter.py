"""What compares models on the calls of each week, and writes that to the bucket of reports."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.components.call_settings import call_settings
from cdk.components.meter_function import FunctionCode
from cdk.components.reporting_function import ReportingFunction
from cdk.config import Config
from cdk.stacks.storage import StorageStack
from lambdas.domain.reports.comparison import COMPARISON_PREFIX
from lambdas.functions.comparison_reporter.settings import Settings

COMPARED_EVERY = Duration.days(7)


class ComparisonReporter(ReportingFunction):
    """The function `comparison_reporter`, and what starts it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        metered_group: str,
        code: FunctionCode,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: Prices, what calls are put down to, and whether content is logged.
            storage: The ledger and the bucket of reports.
            metered_group: The log group that is metered, by name.
            code: What functions share.
        """
        # What others log into an adopted group is theirs to decide, from day to day.
        may_have_content = config.log_content or config.adopted_log_group is not None
        super().__init__(
            scope,
            construct_id,
            job="comparison_reporter",
            settings=Settings(
                **call_settings(config, storage),
                report_bucket=storage.reports.bucket_name,
                content_log_group=metered_group if may_have_content else "",
            ),
            code=code,
            storage=storage,
            prefix=COMPARISON_PREFIX,
            schedule=events.Schedule.cron(week_day="MON", hour="4", minute="30"),  # Sunday is in
            description="compares models on the calls of the last week",
        )
        if not may_have_content:
            return
        # Both names of a log group are checked against, by AWS and by local clouds:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
        group = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{metered_group}"
        for arn in (group, f"{group}:*"):
            self.allow("logs:FilterLogEvents", on=arn)
