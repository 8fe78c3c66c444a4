"""The customer key: of the topic always, of all that is stored where that is configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


class StorageKey(kms.Key):
    """A key that the services which use it for us really can use.

    The CDK grants a key to principals that it sees; services that act by themselves (an alarm that
    publishes to an encrypted topic, log groups) are none of these, and without a statement of their
    own the notification is lost without a trace (aws-cdk issue 11121).
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Make the key, for one account and Region."""
        super().__init__(
            scope,
            construct_id,
            description="Bedrock Meter: notifications, and what is stored where so configured",
            enable_key_rotation=True,
            pending_window=Duration.days(7),
            removal_policy=RemovalPolicy.RETAIN,
        )
        stack = Stack.of(self)
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        # (For EventBridge the CDK does the same, where a rule's target is an encrypted topic.)
        self._allow(
            "AlarmsPublish",
            "cloudwatch.amazonaws.com",
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            {"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        log_groups = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._allow(
            "LogGroups",
            f"logs.{stack.region}.amazonaws.com",
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ],
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        )

    def _allow(
        self, sid: str, service: str, actions: Sequence[str], conditions: Mapping[str, Any]
    ) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(service)],
                actions=list(actions),
                resources=["*"],  # in the policy of a key: the key
                conditions=conditions,
            )
        )
