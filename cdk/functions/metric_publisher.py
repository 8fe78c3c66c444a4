"""The function that publishes metrics of new calls, and the mapping of the ledger's stream."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_publishing import grant_publish_calls, publishing_settings
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.stream_mapping import map_stream
from lambdas.domain.ledger.state_table import WAITING_PREFIX
from lambdas.functions.metric_publisher.settings import Settings

STREAM_WINDOW = Duration.seconds(30)
"""The time over which changes of the ledger are batched before they are published."""
_MAX_ATTEMPTS = 100


class MetricPublisher(MeterFunction):
    """The function `metric_publisher`, started by the stream of the ledger.

    Attributes:
        stream_mapping: The event source mapping that starts it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        ledger: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
        failures: FailureDestination,
        caller_role: str | None = None,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            ledger: The table of calls, with a stream.
            state: The table of the meter's state.
            prices: The bucket of price editions.
            failures: The destination of batches that failed every attempt.
            caller_role: The name of the role of the gateway's calls; `None` without a gateway.
        """
        stack_id = Stack.of(scope).stack_id
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                stack_id=stack_id,
                ledger_retention_days=defaults.config.ledger_retention_days,
                caller_role=caller_role,
                **publishing_settings(defaults.config, state=state, prices=prices),
            ),
            defaults=defaults,
            timeout=Duration.minutes(2),
        )
        grant_publish_calls(self, state=state, prices=prices)
        self.grant_items("dynamodb:BatchWriteItem", on=state.table_arn, keys=[f"{WAITING_PREFIX}*"])
        self.grant("cloudformation:DescribeStacks", on=stack_id)
        # Only DynamoDB's removal of expired items names a principal.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        not_expired = {"userIdentity": {"principalId": [{"exists": False}]}}
        # The function skips stream records from before this deployment.
        self.stream_mapping = map_stream(
            self,
            "LedgerStream",
            ledger,
            failures,
            patterns=(
                {"eventName": ["INSERT", "MODIFY"]},
                {"eventName": ["REMOVE"], **not_expired},
            ),
            max_attempts=_MAX_ATTEMPTS,
            max_record_age=failures.max_event_age,
            maximum_batching_window_in_seconds=STREAM_WINDOW.to_seconds(),
        )
