"""The customer key. It always encrypts the topic, and stored data if that is configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.config import stack_names


class StorageKey(kms.Key):
    """A key with a policy that lets AWS services use it on our behalf.

    The CDK grants a key only to principals in the app. Services that act by themselves (alarms
    that publish to an encrypted topic, log groups) need a statement of their own: without one,
    notifications are lost without an error (aws-cdk issue 11121).
    """

    def __init__(self, scope: Construct, construct_id: str, *, has_queues: bool = False) -> None:
        """Make the key, for one account and Region.

        Args:
            scope: The stack.
            construct_id: Its name there.
            has_queues: True if it encrypts the queues of webhooks, to which services send.
        """
        super().__init__(
            scope,
            construct_id,
            description="Bedrock Meter: encrypts notifications, and stored data with customer_keys",
            enable_key_rotation=True,
            pending_window=Duration.days(7),
            removal_policy=RemovalPolicy.RETAIN,
        )
        stack = Stack.of(self)
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        publishing = ["kms:Decrypt", "kms:GenerateDataKey*"]
        self._grant(
            "AlarmsPublish",
            "cloudwatch.amazonaws.com",
            publishing,
            {"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        # That page: a condition on the source "is not supported for EventBridge-to-encrypted
        # topics", and stops deliveries. The topic's own policy has it instead.
        topics = stack.format_arn(service="sns", resource=f"{stack_names.MONITORING}-*")
        self._grant(
            "RulesPublish",
            "events.amazonaws.com",
            publishing,
            {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}},
        )
        if has_queues:
            self._grant_send(stack)
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        log_groups = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self._grant(
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

        grant_management(self)
        # DynamoDB uses the key through a grant. The creator of a table must be allowed to make it:
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
        using = ("CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey*", "ReEncrypt*")
        by_dynamodb = {"kms:ViaService": f"dynamodb.{stack.region}.{stack.url_suffix}"}
        _grant_deployments(self, "DeploymentsEncryptTheTable", using, by_dynamodb)

    def _grant_send(self, stack: Stack) -> None:
        """Let the topic and the rules of EventBridge send to encrypted queues of webhooks.

        SQS has the queue's ARN in the encryption context.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        """
        queues = stack.format_arn(service="sqs", resource=f"{stack_names.WEBHOOKS}-*")
        for sid, service in (("TopicSends", "sns"), ("RulesSend", "events")):
            self._grant(
                sid,
                f"{service}.amazonaws.com",
                ["kms:Decrypt", "kms:GenerateDataKey*"],
                {"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": queues}},
            )

    def _grant(
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


def grant_management(key: kms.Key) -> None:
    """Let the execution role of the CDK's bootstrap manage a key.

    The role's own policy (cdk/deployer-policy-data.json) names no key: its ARN is not known
    beforehand, and its tags do not restrict access
    (https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html).
    """
    managing = (
        *("DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation"),
        *("GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags", "PutKeyPolicy"),
        *("ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateKeyDescription"),
    )
    _grant_deployments(key, "DeploymentsManage", managing, {})


def _grant_deployments(
    key: kms.Key, sid: str, actions: Sequence[str], equal: Mapping[str, str]
) -> None:
    """Let the execution role of the CDK's bootstrap act on a key, under conditions."""
    stack = Stack.of(key)
    role = f"arn:{stack.partition}:iam::{stack.account}:role/cdk-*-cfn-exec-role-*"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            principals=[iam.AnyPrincipal()],  # restricted by the conditions
            actions=[f"kms:{action}" for action in actions],
            resources=["*"],
            conditions={
                "StringEquals": {"kms:CallerAccount": stack.account, **equal},
                "ArnLike": {"aws:PrincipalArn": role},
            },
        )
    )
