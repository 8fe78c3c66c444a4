"""The function that publishes metrics of new calls, and the mapping of the ledger's stream."""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_publishing import grant_publish_calls, publishing_settings
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from lambdas.domain.ledger.state_table import WAITING_PREFIX
from lambdas.functions.metric_publisher.settings import Settings

_BATCH_SIZE = 1000
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
        """
        stack_id = Stack.of(scope).stack_id
        super().__init__(
            scope,
            construct_id,
            job="metric_publisher",
            settings=Settings(
                stack_id=stack_id,
                ledger_retention_days=defaults.config.ledger_retention_days,
                **publishing_settings(defaults.config, state=state, prices=prices),
            ),
            defaults=defaults,
            timeout=Duration.minutes(2),
        )
        grant_publish_calls(self, state=state, prices=prices)
        self.grant_items("dynamodb:BatchWriteItem", on=state.table_arn, keys=[f"{WAITING_PREFIX}*"])
        self.grant(
            *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            on=str(ledger.table_stream_arn),
        )
        self.grant("dynamodb:ListStreams", on="*", wildcard="The action supports no resource.")
        self.grant("cloudformation:DescribeStacks", on=stack_id)
        self.stream_mapping = self._map_stream(ledger, failures)

    def _map_stream(
        self, ledger: dynamodb.ITable, failures: FailureDestination
    ) -> lambda_.CfnEventSourceMapping:
        # Only DynamoDB's removal of expired items names a principal.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        not_expired = {"userIdentity": {"principalId": [{"exists": False}]}}
        patterns = (
            {"eventName": ["INSERT", "MODIFY"]},
            {"eventName": ["REMOVE"], **not_expired},
        )
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "LedgerStream",
            function_name=self.function_name,
            event_source_arn=ledger.table_stream_arn,
            # From LATEST, changes may be missed while polling starts or is updated:
            # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
            # The function skips stream records from before this deployment. A replaced mapping
            # would publish a day of calls again, so keep its name and this property.
            starting_position="TRIM_HORIZON",
            batch_size=_BATCH_SIZE,
            maximum_batching_window_in_seconds=STREAM_WINDOW.to_seconds(),
            maximum_retry_attempts=_MAX_ATTEMPTS,
            maximum_record_age_in_seconds=failures.max_event_age.to_seconds(),
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)} for pattern in patterns]},
            destination_config=failures.grant_and_configure(self),
            metrics_config={"metrics": ["EventCount"]},
        )
        mapping.node.add_dependency(self.execution_role)  # Lambda checks the role's permissions
        return mapping
