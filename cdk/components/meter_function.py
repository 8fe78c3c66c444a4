"""A Lambda function of the meter: one handler, one role, one log group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.components.acknowledgements import acknowledge, acknowledge_wildcard
from cdk.components.bundle import DependencyGroup
from cdk.components.function_defaults import FunctionDefaults
from cdk.config import ConfigurationError
from lambdas.meter_name import DEFAULT_NAME, METER_NAME, NAME_VARIABLE

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_ENVIRONMENT_BYTES = 4096
_MAX_NAME_BYTES = 128  # of resources: the ARNs of stacks and functions are the longest


class FunctionSettings(Protocol):
    """The settings of a function, which checks them when they are made."""

    def to_environment(self) -> dict[str, str]:
        """The environment variables that the function reads them from."""


class MeterFunction(lambda_.Function):
    """A function that may only write its own log until it is granted more.

    Attributes:
        execution_role: Its own role, shared with no other function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: FunctionSettings,
        defaults: FunctionDefaults,
        timeout: Duration,
        groups: Sequence[DependencyGroup] = (),
        memory_size: int = 512,
        ephemeral_storage: Size | None = None,
        entry: str = "lambda_handler",
        reserved_concurrency: int | None = None,
        is_optional: bool = False,
    ) -> None:
        """Make a function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            settings: Its environment. Their class is in the package of the handler.
            defaults: The shared properties of a stack's functions.
            timeout: The maximum duration of a call.
            groups: Groups of dependencies beside `runtime`; their layers come before its own.
            memory_size: Megabytes. CPU comes with memory, and a start is mostly imports.
            ephemeral_storage: Its temporary folder, if more than half a gigabyte.
            entry: The name of the function in the handler's module that Lambda starts.
            reserved_concurrency: The calls that may run at a time, which no other function of the
                account can use up; `None` to reserve none.
            is_optional: True if a setting can remove it. It then has a fixed name for the alarms of
                another stack: CloudFormation does not remove an export that is in use.

        Raises:
            BundlingError: Dependencies could not be installed.
            ConfigurationError: Settings are larger than a function's environment.
        """
        package = type(settings).__module__.removesuffix(".settings")
        environment = settings.to_environment()
        _check_size(environment, package.rpartition(".")[2], Stack.of(scope))
        log_group, role = _make_log_and_role(scope, construct_id, defaults)
        stack_name = Stack.of(scope).stack_name
        self.fixed_name = name_function(stack_name, construct_id) if is_optional else None
        super().__init__(
            scope,
            construct_id,
            function_name=self.fixed_name,
            runtime=defaults.runtime,
            architecture=defaults.architecture,
            handler=f"{package}.handler.{entry}",
            code=defaults.code,
            layers=defaults.layers([*groups, "runtime"]),
            environment={**environment, **_name_variable()},
            role=role,
            log_group=log_group,
            memory_size=memory_size,
            ephemeral_storage_size=ephemeral_storage,
            timeout=timeout,
            reserved_concurrent_executions=reserved_concurrency,
        )
        self.execution_role = role
        if defaults.runs_older_python:
            acknowledge(
                self,
                "L1",
                reason="Set by python_version: a local cloud runs functions on its own Python.",
            )
        self._data_key = defaults.data_key

    def start_on_event(
        self, construct_id: str, pattern: events.EventPattern, *, description: str
    ) -> None:
        """Start the function when an event matches.

        Args:
            construct_id: The name of the rule.
            pattern: The events.
            description: The meaning of the events, for operators who read the rule.
        """
        events.Rule(
            self,
            construct_id,
            description=f"Bedrock Meter: {description}",
            event_pattern=pattern,
            targets=[targets.LambdaFunction(self)],
        )

    def grant(
        self,
        *actions: str,
        on: str,
        conditions: Mapping[str, Any] | None = None,
        wildcard: str | None = None,
    ) -> None:
        """Grant the function's role some actions.

        Args:
            actions: IAM actions.
            on: The ARN of the resource; `*` for actions that support no resource.
            conditions: Conditions of the statement.
            wildcard: The reason for a wildcard in `on`, if it has one.
        """
        self.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=[on], conditions=conditions)
        )
        if wildcard is not None:
            acknowledge_wildcard(self.execution_role, resource=on, reason=wildcard)

    def grant_items(
        self, *actions: str, on: str, keys: Sequence[str], attributes: Sequence[str] = ()
    ) -> None:
        """Grant the function's role some actions on some items of a table, and on no others.

        Args:
            actions: IAM actions on items.
            on: The ARN of the table.
            keys: Patterns of their partition keys: `*` stands for any text.
            attributes: The attributes that requests may name, keys among them; empty for all.
                https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
        """
        only = {"ForAllValues:StringEquals": {"dynamodb:Attributes": list(attributes)}}
        self.grant(
            *actions,
            on=on,
            conditions={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)},
                # A request without keys would satisfy the condition above, so keys are required:
                # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html
                "Null": {"dynamodb:LeadingKeys": "false"},
                **(only if attributes else {}),
            },
        )

    def grant_start(self, function_name: str) -> None:
        """Grant the start of one other function of the meter, by its fixed name."""
        arn = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=function_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.grant("lambda:InvokeFunction", on=arn)

    def grant_read_data(self) -> None:
        """Grant decryption of stored data, where a customer key encrypts it."""
        if self._data_key is not None:
            self._data_key.grant_decrypt(self)

    def grant_read_write_data(self) -> None:
        """Grant encryption and decryption of stored data, where a customer key encrypts it."""
        if self._data_key is None:
            return
        self._data_key.grant_encrypt_decrypt(self)
        for action in ("kms:GenerateDataKey*", "kms:ReEncrypt*"):
            acknowledge_wildcard(
                self.execution_role,
                action=action,
                reason="DynamoDB and S3 need these variants to use a customer key; on this key.",
            )


def name_function(stack_name: str, construct_id: str) -> str:
    """Name an optional function, which other stacks know by this name."""
    return f"{stack_name}-{construct_id}"


def _make_log_and_role(
    scope: Construct, construct_id: str, defaults: FunctionDefaults
) -> tuple[logs.LogGroup, iam.Role]:
    """Make a function's log group, and the role that may write there."""
    log_group = logs.LogGroup(
        scope,
        f"{construct_id}Log",
        retention=logs.RetentionDays.ONE_MONTH,
        encryption_key=defaults.data_key,
        removal_policy=RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        scope,
        f"{construct_id}Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
    )
    log_group.grant_write(role)
    return log_group, role


def _name_variable() -> dict[str, str]:
    """Name the deployment to a function, where the name is not the default."""
    return {} if METER_NAME == DEFAULT_NAME else {NAME_VARIABLE: METER_NAME}


def _check_size(environment: Mapping[str, str], job: str, stack: Stack) -> None:
    """Check that Lambda takes an environment, before it is deployed.

    Raises:
        ConfigurationError: It is too large.
    """
    sizes = {
        name.lower(): len(name) + _count_max_bytes(stack.resolve(value))
        for name, value in environment.items()
    }
    total = sum(sizes.values())
    if total > _MAX_ENVIRONMENT_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        message = (
            f"{largest} is too large: it takes {sizes[largest]:,} bytes of the environment of"
            f" {job}, which takes {total:,} in all; allowed: {_MAX_ENVIRONMENT_BYTES:,} in all"
            " (a letter beyond ASCII takes 6 bytes or 12)"
        )
        raise ConfigurationError(message)


def _count_max_bytes(value: object) -> int:
    """Count the maximum size of a value in bytes, once CloudFormation has named its resources."""
    match value:
        case str():
            return len(value.encode())
        case {"Fn::Join": ["", list(parts)]}:
            return sum(map(_count_max_bytes, parts))
    return _MAX_NAME_BYTES
