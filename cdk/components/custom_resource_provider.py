"""The CDK's provider of a custom resource, with a role and a log of its own."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

from cdk.components.acknowledgements import acknowledge_wildcard
from cdk.components.meter_function import MeterFunction


def add_provider(
    function: MeterFunction, name: str, *, data_key: kms.IKey | None
) -> custom_resources.Provider:
    """Let CloudFormation call a function for a custom resource of its stack.

    Args:
        function: The function.
        name: The name of the provider in the stack.
        data_key: The key of logs; `None` where AWS's own keys encrypt.
    """
    stack = Stack.of(function)
    log_group = logs.LogGroup(
        stack,
        f"{name}Log",
        retention=logs.RetentionDays.ONE_MONTH,
        encryption_key=data_key,
        removal_policy=RemovalPolicy.DESTROY,
    )
    role = iam.Role(stack, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    acknowledge_wildcard(
        role,
        resource=f"{function.function_arn}:*",
        reason="The CDK's provider invokes one function, in any of its versions.",
    )
    return custom_resources.Provider(
        stack, name, on_event_handler=function, framework_on_event_role=role, log_group=log_group
    )
