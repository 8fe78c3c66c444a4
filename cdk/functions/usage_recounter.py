"""The function that counts calls of the ledger again, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from cdk.components.usage_counting import CountingStores, counting_settings, grant_count_usage
from lambdas.functions.usage_recounter.settings import Settings


class UsageRecounter(ScheduledFunction):
    """The function `usage_recounter` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        stores: CountingStores,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            stores: The tables and the bucket.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **counting_settings(defaults.config, Stack.of(scope).stack_id, stores)
            ),
            defaults=defaults,
            timeout=Duration.minutes(15),
            is_optional=True,
        )
        grant_count_usage(self, stores, has_credits=defaults.config.credits)
        self.grant(
            *("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:Scan"),
            on=stores.ledger.table_arn,
        )
        self.run_every(Duration.minutes(5), purpose="counts calls again whose prices have changed")
