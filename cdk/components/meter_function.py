"""A Lambda function of the meter: one handler, one role, one log group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.components.bundle import bundle_code, bundle_layer
from cdk.config import Config, ConfigurationError
from lambdas.wiring.environment import EnvironmentSettings

_ARCHITECTURES = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LARGEST_ENVIRONMENT = 4096
_LARGEST_NAME = 128  # of what the cloud names: the ARNs of stacks and functions are the longest


class FunctionCode:
    """What all functions of a stack share: the code, and layers of dependencies.

    Attributes:
        runtime: The functions' Python.
        architecture: Their processor.
        code: The one code asset.
        dependencies: The layer that every function needs.
    """

    def __init__(self, scope: Construct, config: Config) -> None:
        """Bundle what is not bundled yet.

        Raises:
            BundlingError: Dependencies could not be installed.
        """
        self._scope = scope
        self._config = config
        self.runtime = lambda_.Runtime(
            f"python{config.python_version}", lambda_.RuntimeFamily.PYTHON
        )
        self.architecture = _ARCHITECTURES[config.architecture]
        self.code = lambda_.Code.from_asset(str(bundle_code()))
        self.dependencies = self._layer("Dependencies", without=["boto3", "duckdb"])

    @cached_property
    def newest_boto3(self) -> lambda_.LayerVersion:
        """The layer for functions for which the runtime's own boto3 may be too old."""
        return self._layer(
            "NewestBoto3", without=["aws-lambda-powertools", "duckdb", "ijson", "pydantic"]
        )

    @cached_property
    def parquet(self) -> lambda_.LayerVersion:
        """The layer for functions that write Parquet; it is large."""
        return self._layer(
            "Parquet", without=["aws-lambda-powertools", "boto3", "ijson", "pydantic"]
        )

    def _layer(self, name: str, *, without: Sequence[str]) -> lambda_.LayerVersion:
        bundle = bundle_layer(
            without=without,
            python_version=self._config.python_version,
            architecture=self._config.architecture,
        )
        return lambda_.LayerVersion(
            self._scope,
            name,
            # CloudFormation's own name would begin with the logical id, and not with the stack.
            layer_version_name=f"{Stack.of(self._scope).stack_name}-{name}",
            code=lambda_.Code.from_asset(str(bundle)),
            compatible_runtimes=[self.runtime],
            compatible_architectures=[self.architecture],
        )


class MeterFunction(lambda_.Function):
    """A function that may write its own log and nothing else, until it is granted more.

    Attributes:
        execution_role: The role that it alone has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: str,
        settings: EnvironmentSettings,
        code: FunctionCode,
        timeout: Duration,
        layers: Sequence[lambda_.ILayerVersion] = (),
        log_key: kms.IKey | None = None,
        memory_size: int = 512,
        ephemeral_storage: Size | None = None,
    ) -> None:
        """Make a function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            job: The name of its package in `lambdas.functions`.
            settings: What it is told by its environment.
            code: What functions share.
            timeout: How long a call may take.
            layers: Layers beside that of the dependencies; they come before it.
            log_key: Encrypts its log group, if not with a key of AWS's.
            memory_size: Megabytes. CPU comes with memory, and a start is mostly imports.
            ephemeral_storage: Its temporary folder, if more than half a gigabyte.

        Raises:
            ConfigurationError: Settings are larger than a function's environment.
        """
        environment = settings.to_environment()
        _check_size(environment, job, Stack.of(scope))
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Log",
            retention=logs.RetentionDays.ONE_MONTH,
            encryption_key=log_key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            scope,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        log_group.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            runtime=code.runtime,
            architecture=code.architecture,
            handler=f"lambdas.functions.{job}.handler.lambda_handler",
            code=code.code,
            layers=[*layers, code.dependencies],
            environment=environment,
            role=role,
            log_group=log_group,
            memory_size=memory_size,
            ephemeral_storage_size=ephemeral_storage,
            timeout=timeout,
        )
        self.execution_role = role

    def allow_items(self, *actions: str, on: str, keys: Sequence[str]) -> None:
        """Let the function's role do something with some items of a table, and with no others.

        Args:
            actions: IAM actions on items.
            on: The ARN of the table.
            keys: Patterns of their partition keys: `*` stands for any text.
        """
        self.allow(
            *actions,
            on=on,
            conditions={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)},
                # All of no values are as they should be, so there have to be some:
                # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        )

    def allow(self, *actions: str, on: str, conditions: Mapping[str, Any] | None = None) -> None:
        """Let the function's role do something.

        Args:
            actions: IAM actions.
            on: The ARN of the resource; `*` for actions that take none.
            conditions: When alone.
        """
        self.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=[on], conditions=conditions)
        )

    def let_read_tags(self) -> None:
        """Let it see what tags callers and application inference profiles of the account have."""
        here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        profiles = f"arn:{Aws.PARTITION}:bedrock:{here}:application-inference-profile/*"
        self.allow("bedrock:GetInferenceProfile", "bedrock:ListTagsForResource", on=profiles)
        callers = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}"
        self.allow("iam:ListRoleTags", on=f"{callers}:role/*")
        self.allow("iam:ListUserTags", on=f"{callers}:user/*")


def _check_size(environment: Mapping[str, str], job: str, stack: Stack) -> None:
    """Check that Lambda takes an environment, before it is deployed.

    Raises:
        ConfigurationError: It is too large.
    """
    sizes = {
        name.lower(): len(name) + _bytes_of(stack.resolve(value))
        for name, value in environment.items()
    }
    total = sum(sizes.values())
    if total > _LARGEST_ENVIRONMENT:
        largest = max(sizes, key=sizes.__getitem__)
        message = (
            f"{largest} is too large: it takes {sizes[largest]:,} bytes of the environment of"
            f" {job}, which takes {total:,} in all; allowed: {_LARGEST_ENVIRONMENT:,} in all"
            " (a letter beyond ASCII takes 6 bytes or 12)"
        )
        raise ConfigurationError(message)


def _bytes_of(value: object) -> int:
    """How many bytes a value has at most, once the cloud has named what it names."""
    match value:
        case str():
            return len(value.encode())
        case {"Fn::Join": ["", list(parts)]}:
            return sum(map(_bytes_of, parts))
    return _LARGEST_NAME
