"""The function that counts usage exactly, and its mapping of the ledger's stream."""

from __future__ import annotations

import json

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.usage_counting import counting_settings, grant_count_usage
from lambdas.functions.usage_counter.settings import Settings

TUMBLING_WINDOW = Duration.seconds(5)
"""The window that makes events name their shard."""
_BATCH_SIZE = 1000
# A batch that is given up is missing until all calls are counted again. So Lambda tries for nearly
# as long as the stream keeps records, which is 24 hours.
_MAX_RECORD_AGE = Duration.hours(23)
_ENDLESS = -1


class UsageCounter(MeterFunction):
    """The function `usage_counter`, started by the stream of the ledger.

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
        counters: dynamodb.ITable,
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
            counters: The table of counters.
            prices: The bucket of price editions.
            failures: The destination of batches that failed every attempt.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            job="usage_counter",
            settings=Settings(
                ledger_retention_days=config.ledger_retention_days,
                **counting_settings(
                    config,
                    stack_id=Stack.of(scope).stack_id,
                    ledger=ledger,
                    state=state,
                    counters=counters,
                    prices=prices,
                ),
            ),
            defaults=defaults,
            timeout=Duration.minutes(2),
            is_optional=True,
        )
        grant_count_usage(self, state=state, counters=counters, prices=prices)
        self.grant(
            *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            on=str(ledger.table_stream_arn),
        )
        self.grant("dynamodb:ListStreams", on="*", wildcard="The action supports no resource.")
        self.stream_mapping = self._map_stream(ledger, failures)

    def _map_stream(
        self, ledger: dynamodb.ITable, failures: FailureDestination
    ) -> lambda_.CfnEventSourceMapping:
        """Map the stream so that each event names its shard, and a shard has one event at a time.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
        """
        patterns = ({"eventName": ["INSERT", "MODIFY"]},)
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "LedgerStream",
            function_name=self.function_name,
            event_source_arn=ledger.table_stream_arn,
            starting_position="TRIM_HORIZON",  # what was counted before, checkpoints leave out
            batch_size=_BATCH_SIZE,
            tumbling_window_in_seconds=TUMBLING_WINDOW.to_seconds(),
            parallelization_factor=1,
            maximum_retry_attempts=_ENDLESS,
            maximum_record_age_in_seconds=_MAX_RECORD_AGE.to_seconds(),
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)} for pattern in patterns]},
            destination_config=failures.grant_and_configure(self),
            metrics_config={"metrics": ["EventCount"]},
        )
        mapping.node.add_dependency(self.execution_role)  # Lambda checks the role's permissions
        return mapping
