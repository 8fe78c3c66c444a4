"""The topic that notifications go to, and those who are allowed to publish there."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.components.meter_function import MeterFunction
from cdk.config import Config


class NotificationTopic(sns.Topic):
    """An encrypted topic, over TLS only, to which alarms and event rules really can publish.

    Attributes:
        key: Encrypts its messages.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, key: kms.IKey
    ) -> None:
        """Make the topic and its subscriptions.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: Who is notified.
            key: Encrypts messages; its own policy has to let the publishers use it.
        """
        super().__init__(
            scope,
            construct_id,
            display_name="Bedrock Meter",
            master_key=key,
            enforce_ssl=True,
        )
        self.key = key
        stack = Stack.of(self)
        alarms = stack.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name="*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )
        for address in config.notify_emails:
            self.add_subscription(subscriptions.EmailSubscription(address))
        for url in config.notify_https:
            self.add_subscription(
                subscriptions.UrlSubscription(url, protocol=sns.SubscriptionProtocol.HTTPS)
            )

    def let_notify(self, function: MeterFunction) -> None:
        """Let a function publish here.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        function.allow("sns:Publish", on=self.topic_arn)
        function.allow("kms:Decrypt", "kms:GenerateDataKey", on=self.key.key_arn)
