"""The function that takes off denies that outlast their end, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.brake_policies import DenyPolicy, grant_release
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from lambdas.domain.budgets.governance_table import AUDIT_EVENTS, DENIES
from lambdas.functions.brake_watchdog.settings import Settings

_INTERVAL = Duration.minutes(5)


class BrakeWatchdog(MeterFunction):
    """The function `brake_watchdog` and its schedule.

    Attributes:
        scheduled: The description of the function for its alarms.
    """

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
            job="brake_watchdog",
            settings=Settings(
                governance_table=governance.table_name, deny_policy_arn=deny_policy.arn
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        self.grant_items("dynamodb:Query", on=governance.table_arn, keys=[DENIES])
        self.grant_items("dynamodb:PutItem", on=governance.table_arn, keys=[AUDIT_EVENTS])
        self.grant_read_write_data()
        grant_release(self, deny_policy)
        self.configure_async_invoke(retry_attempts=0)  # the next run does the rest
        self.scheduled = self.run_every(
            _INTERVAL, purpose="takes off denies that outlast their end"
        )
