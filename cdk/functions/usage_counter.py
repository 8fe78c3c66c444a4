"""The function that counts usage exactly, and its mapping of the ledger's stream."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from constructs import Construct

from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.stream_mapping import map_stream
from cdk.components.usage_counting import CountingStores, counting_settings, grant_count_usage
from lambdas.functions.usage_counter.settings import Settings

TUMBLING_WINDOW = Duration.seconds(5)
"""The window that makes events name their shard."""


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
        stores: CountingStores,
        failures: FailureDestination,
        evaluator_name: str,
        brake_name: str | None,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            stores: The tables and the bucket.
            failures: The destination of batches that failed every attempt.
            evaluator_name: The function that it starts after counting.
            brake_name: The function that denies callers, which it starts too; `None` without one.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                ledger_retention_days=config.ledger_retention_days,
                evaluator_name=evaluator_name,
                brake_name=brake_name,
                **counting_settings(config, Stack.of(scope).stack_id, stores),
            ),
            defaults=defaults,
            timeout=Duration.minutes(2),
            is_optional=True,
        )
        grant_count_usage(self, stores, has_checkpoints=True, has_credits=config.credits)
        for started in filter(None, (evaluator_name, brake_name)):
            self.grant_start(started)
        # What was counted before, checkpoints leave out. The window makes each event name its
        # shard, and the factor makes a shard have one event at a time:
        # https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
        self.stream_mapping = map_stream(
            self,
            "LedgerStream",
            stores.ledger,
            failures,
            patterns=({"eventName": ["INSERT", "MODIFY"]},),
            tumbling_window_in_seconds=TUMBLING_WINDOW.to_seconds(),
            parallelization_factor=1,
        )
