"""The function that denies callers whose budgets are used up, its schedule and its end."""

from __future__ import annotations

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.components.brake_policies import (
    grant_deny,
    grant_deny_sessions,
    grant_release,
    grant_release_sessions,
)
from cdk.components.custom_resource_provider import add_provider
from cdk.components.exhausted_credits import list_credit_keys
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, governing_settings, grant_read_sums
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    BRAKE,
    BRAKE_EVENTS,
    DENIES,
    DUE_BRAKE_EVENTS,
    REACTIONS,
    RELEASES,
)
from lambdas.domain.credits import ExhaustedAction
from lambdas.functions.brake_controller.settings import Settings

_INTERVAL = Duration.minutes(1)  # beside the runs that usage_counter starts


class BrakeController(ScheduledFunction):
    """The function `brake_controller` and its schedule.

    Attributes:
        removal: The resource that releases all callers when it is removed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        tables: GoverningTables,
        deny_policy_arn: str,
    ) -> None:
        """Make the function, and let it release all callers before it is removed.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            tables: The tables of counters and budgets.
            deny_policy_arn: The fixed policy that denies a principal.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **governing_settings(config, tables),
                deny_policy_arn=deny_policy_arn,
                region=Aws.REGION,
                brake_sessions=config.brake_sessions,
                brake_overflow=config.brake_overflow,
                brake_exempt=config.brake_exempt,
                brake_max_denied=config.brake_max_denied,
                deny_exhausted=ExhaustedAction.BRAKE in config.credits_exhausted,
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        grant_read_sums(self, tables, list_credit_keys(config, ExhaustedAction.BRAKE))
        self._grant_store(tables.governance)
        self.grant_read_write_data()
        grant_release(self, deny_policy_arn)
        grant_deny(self, deny_policy_arn, exempt=config.brake_exempt)
        grant_release_sessions(self)
        if config.brake_sessions:
            grant_deny_sessions(self)
        self.run_every(
            _INTERVAL,
            purpose="denies or releases callers",
            max_event_age=_INTERVAL,  # the next run makes up for an event that waited longer
        )
        self.removal = self._release_all_first(defaults)

    def _grant_store(self, governance: dynamodb.ITable) -> None:
        """Grant reading and writing of denies, events and decisions, and of no budget."""
        table = governance.table_arn
        self.grant_items(
            *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            on=table,
            keys=[DENIES, REACTIONS],
        )
        self.grant_items("dynamodb:Query", on=table, keys=[RELEASES])
        self.grant_items("dynamodb:GetItem", "dynamodb:PutItem", on=table, keys=[BRAKE])
        self.grant_items(
            "dynamodb:PutItem", on=table, keys=[AUDIT_EVENTS, BRAKE_EVENTS, DUE_BRAKE_EVENTS]
        )

    def _release_all_first(self, defaults: FunctionDefaults) -> CustomResource:
        """Release all callers when the brake is removed: after its schedule, before all else."""
        provider = add_provider(self, "BrakeProvider", data_key=defaults.data_key)
        resource = CustomResource(
            self,
            "Release",
            service_token=provider.service_token,
            resource_type="Custom::BedrockBrake",
        )
        # CloudFormation removes in the reverse order: no run may deny callers after their release,
        # and the function still needs its permissions.
        self.node.find_child("Schedule").node.add_dependency(resource)
        return resource
