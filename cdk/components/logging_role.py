"""The role with which Bedrock writes its invocation logs."""

from __future__ import annotations

from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.domain.invocations import BEDROCK_LOG_STREAM


class LoggingRole(iam.Role):
    """A role that Bedrock in this account and Region can assume, to write one log stream.

    Attributes:
        trust: Its trust policy.
        writing: Its permissions policy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, log_group_name: str) -> None:
        """Make the role for a log group."""
        stack = Stack.of(scope)
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="bedrock", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME
                        )
                    },
                },
            ),
        )
        self.trust: Any = self.assume_role_policy.to_json()  # type: ignore[union-attr]  # it has one
        stream = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{log_group_name}:log-stream:{BEDROCK_LOG_STREAM}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.writing = iam.Policy(
            self,
            "Writing",
            roles=[self],
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[stream]
                )
            ],
        )
