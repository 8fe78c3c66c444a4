"""The function that switches Bedrock's invocation logging on and off, and its custom resource."""

from __future__ import annotations

from aws_cdk import Aws, CustomResource, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IDependable

from cdk.components.custom_resource_provider import add_provider
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.logging_role import LoggingRole
from cdk.components.meter_function import MeterFunction
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY
from lambdas.domain.logging_configuration import ExistingPolicy
from lambdas.functions.logging_configurator.settings import Settings

_VERBS = ("Delete", "Get", "Put")
_UNKNOWN_ROLE = (
    "With existing_logging 'replace' or 'adopt' the replaced configuration is restored with its"
    " own role, which is not known before; roles can be passed to Bedrock only."
)


class LoggingConfigurator(MeterFunction):
    """The function `logging_configurator`, started by CloudFormation."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        log_group: logs.ILogGroup,
        metered_group: str,
        logging_role: LoggingRole,
        logging_state: ssm.IStringParameter,
        state: dynamodb.ITable,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            log_group: The log group that Bedrock is configured to write to.
            metered_group: The name of the metered log group: that one, or an adopted one.
            logging_role: The role with which Bedrock writes logs.
            logging_state: The parameter with Bedrock's configuration, ours and the one before.
            state: The table that has a copy of it.
        """
        stack_id = Stack.of(scope).stack_id
        self._settings = Settings(
            stack_id=stack_id,
            logging_state_parameter=logging_state.parameter_name,
            state_table=state.table_name,
            log_group=log_group.log_group_name,
            role_arn=logging_role.role_arn,
            is_content_logged=defaults.config.log_content,
            existing_policy=defaults.config.existing_logging,
            metered_log_group=metered_group,
        )
        super().__init__(
            scope,
            construct_id,
            settings=self._settings,
            defaults=defaults,
            groups=["aws-sdk"],
            timeout=Duration.minutes(3),  # a new role takes a while to be known everywhere
        )
        self._defaults = defaults
        self._logging_role = logging_role
        self.grant(
            *(f"bedrock:{verb}ModelInvocationLoggingConfiguration" for verb in _VERBS),
            on="*",
            wildcard="An account has one configuration in a Region; it supports no resource.",
        )
        self.grant("ssm:GetParameter", "ssm:PutParameter", on=logging_state.parameter_arn)
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"), on=state.table_arn, keys=[LOGGING_STATE_KEY]
        )
        self.grant("cloudformation:DescribeStacks", on=stack_id)
        self.grant_read_write_data()
        self._grant_pass_role()

    def _grant_pass_role(self) -> None:
        may_restore = self._defaults.config.existing_logging is not ExistingPolicy.REFUSE
        any_role = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/*"
        self.grant(
            "iam:PassRole",
            on=any_role if may_restore else self._logging_role.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
            wildcard=_UNKNOWN_ROLE if may_restore else None,
        )

    def switch_logging_on(self, *, after: IDependable) -> None:
        """Switch logging on with each deployment, and off or back when the stack is deleted.

        Args:
            after: The resource that has to exist before the first record is logged.
        """
        provider = add_provider(self, "LoggingProvider", data_key=self._defaults.data_key)
        resource = CustomResource(
            Stack.of(self),
            "InvocationLogging",
            service_token=provider.service_token,
            resource_type="Custom::BedrockInvocationLogging",
            # The function reads its environment. The same values here make CloudFormation call it
            # after each change of them, and after each rollback, when the old values are back.
            properties={"Settings": self._settings.to_environment()},
        )
        # Bedrock tests the role, and not even the first record may be missed.
        resource.node.add_dependency(self._logging_role.writing, after, self)
