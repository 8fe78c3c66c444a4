"""The topic of notifications, and the permissions to publish there."""

from __future__ import annotations

import jsii
from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk.interfaces.aws_events import IRuleRef
from constructs import Construct

from cdk.components.role_patterns import STACK_NAME_LETTERS
from cdk.config import Config
from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.events import EVENTS_ATTRIBUTE
from lambdas.meter_name import METER_NAME


@jsii.implements(events.IRuleTarget)
class TopicTarget:
    """The topic as the target of a rule.

    `aws_events_targets.SnsTopic` would let every rule of every account publish, and use the key.
    """

    def __init__(self, topic: sns.ITopic, *, message: events.RuleTargetInput) -> None:
        """Send a message to a topic with a policy that lets the rule publish."""
        self._topic = topic
        self._message = message

    def bind(
        self,
        rule: IRuleRef,  # noqa: ARG002  # the interface's
        id: str | None = None,  # noqa: A002, ARG002  # the interface's
    ) -> events.RuleTargetConfig:
        """Return the target's configuration."""
        return events.RuleTargetConfig(arn=self._topic.topic_arn, input=self._message)


class NotificationTopic(sns.Topic):
    """An encrypted topic, over TLS only, to which alarms and event rules can publish.

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
            config: The addresses that are notified.
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
            resource_name=f"{NAME_PREFIX}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        self._grant_publish("AlarmsPublish", "cloudwatch.amazonaws.com", alarms)
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
        rules = stack.format_arn(
            service="events", resource="rule", resource_name=f"{stack.stack_name}-*"
        )
        self._grant_publish("RulesPublish", "events.amazonaws.com", rules)
        self._deny_others()
        for address in config.notify_emails:
            self.add_subscription(subscriptions.EmailSubscription(address))
        for url in config.notify_https:
            self.add_subscription(
                subscriptions.UrlSubscription(url, protocol=sns.SubscriptionProtocol.HTTPS)
            )

    def _grant_publish(self, sid: str, service: str, sources: str) -> None:
        """Let a service publish here for resources of this account, by a pattern of their ARNs."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": sources},
                },
            )
        )

    def send_events_to(self, queue_name: str) -> None:
        """Send messages with events to a queue of this account and Region, by its name.

        The queue's own policy lets the topic send. Its stack may leave the deployment, so that an
        export of it would be in the way.
        """
        sns.CfnSubscription(
            self,
            "Events",
            topic_arn=self.topic_arn,
            protocol="sqs",
            endpoint=Stack.of(self).format_arn(service="sqs", resource=queue_name),
            filter_policy={EVENTS_ATTRIBUTE: [{"exists": True}]},
        )

    def _deny_others(self) -> None:
        """Deny publishing to everyone but AWS's services and roles of the meter.

        Webhooks pass on the events of messages, signed: no one else may send some, whatever their
        own policies allow. CloudFormation makes the names of roles of the stack's, and cuts them.
        Whoever may make roles of such a name, or change the policy, is trusted
        (docs/threat-model.md).

        Source:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
        """
        name = f"{METER_NAME}-"[:STACK_NAME_LETTERS]
        roles = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}*"
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyTheMeterPublishes",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={
                    "ArnNotLike": {"aws:PrincipalArn": roles},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            )
        )

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant publishing here, with the key that encrypts the message.

        `sns.Topic` would grant the key's use by a wildcard of actions.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        """
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sns:Publish"], resource_arns=[self.topic_arn]
        ).combine(
            iam.Grant.add_to_principal(
                grantee=grantee,
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resource_arns=[self.key.key_arn],
            )
        )
