"""The function that takes off denies that outlast their end, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.brake_policies import DenyPolicy, grant_release
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.budgets.governance_table import DENIES
from lambdas.functions.brake_watchdog.settings import Settings


class BrakeWatchdog(ScheduledFunction):
    """The function `brake_watchdog` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        governance: dynamodb.ITable,
        deny_policy: DenyPolicy,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            governance: The table of denies.
            deny_policy: The fixed policy that denies a principal.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                governance_table=governance.table_name, deny_policy_arn=deny_policy.arn
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        self.grant_items("dynamodb:Query", on=governance.table_arn, keys=[DENIES])
        self.grant_read_data()
        grant_release(self, deny_policy)
        self.run_every(Duration.minutes(5), purpose="takes off denies that outlast their end")
