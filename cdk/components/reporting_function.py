"""A function that reports on all calls of the ledger, on a schedule."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Size
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.alarms.scheduled_functions import MAX_TIMEOUT
from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.bundle import DependencyGroup
from cdk.components.call_enrichment import grant_enrich_calls
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.ledger.state_table import BATCH_JOB_PREFIX
from lambdas.wiring.call_settings import CallSettings


class ReportingFunction(ScheduledFunction):
    """Reads every call, attributes and prices it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: CallSettings,
        defaults: FunctionDefaults,
        ledger: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
        every: Duration,
        at: events.Schedule,
        purpose: str,
        groups: Sequence[DependencyGroup] = (),
        ephemeral_storage: Size | None = None,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            settings: Its environment.
            defaults: The shared properties of a stack's functions.
            ledger: The table of calls.
            state: The table of the meter's state, with tags.
            prices: The bucket of price editions.
            every: The interval of its runs.
            at: The times of its runs, in UTC.
            purpose: Its work, as in `Scheduled`.
            groups: Groups of dependencies beside `runtime`.
            ephemeral_storage: Its temporary folder, if more than half a gigabyte.
        """
        super().__init__(
            scope,
            construct_id,
            is_optional=True,
            settings=settings,
            defaults=defaults,
            groups=groups,
            timeout=MAX_TIMEOUT,
            memory_size=2048,  # for the maximum of charges or calls that each function states
            ephemeral_storage=ephemeral_storage,
        )
        self.grant("dynamodb:Scan", on=ledger.table_arn)
        grant_enrich_calls(self, state=state, prices=prices)
        self._grant_read_unlogged_usage(state)
        self.grant_read_write_data()
        # Another run writes the same afresh.
        self.run_every(every, at=at, purpose=purpose, retries=1, is_growing=True)

    def _grant_read_unlogged_usage(self, state: dynamodb.ITable) -> None:
        """Grant reading of what no log has: metrics, batch jobs and their counted tokens."""
        self.grant(
            *("bedrock:ListModelInvocationJobs", "cloudwatch:GetMetricData"),
            "cloudwatch:ListMetrics",
            on="*",
            wildcard="Reading metrics and listing jobs support no resource.",
        )
        self.grant_items("dynamodb:BatchGetItem", on=state.table_arn, keys=[f"{BATCH_JOB_PREFIX}*"])

    def grant_write_files(self, reports: s3.IBucket, prefix: str) -> None:
        """Grant writing of files whose names begin so to the bucket of reports."""
        files = reports.arn_for_objects(f"{prefix}*")
        self.grant("s3:PutObject", on=files, wildcard=UNKNOWN_NAMES)
