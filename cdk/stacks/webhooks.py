"""Webhooks: the queues, the router and the sender of events of the meter; optional."""

from __future__ import annotations

from aws_cdk import ArnFormat, CfnOutput, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.components.event_patterns import watch_alarms
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.webhook_queue import QueueTarget, WebhookQueue
from cdk.config import Config, stack_names
from cdk.config.resource_names import (
    NAME_PREFIX,
    WEBHOOK_DELIVERIES,
    WEBHOOK_EVENTS,
    WEBHOOK_ROUTER,
    WEBHOOK_SENDER,
)
from cdk.functions.webhook_router import ROUTER_TIMEOUT, WebhookRouter
from cdk.functions.webhook_sender import SENDER_TIMEOUT, WebhookSender
from cdk.stacks.storage import StorageStack

_MAX_ROUTER_RECEIVES, _MAX_SENDER_RECEIVES = 5, 10
"""A message comes again after six timeouts of its function, and only if its run has failed: a
delivery that waits gets new messages. So faults of AWS may take an hour, and a message that cannot
be read, or stops its function, is a dead letter after that time. The age of a dead letter counts
from its first sending: so it stays for almost 14 days.
"""


class WebhooksStack(Stack):
    """Two queues and their functions. Storage has the receivers, their deliveries and the key.

    Attributes:
        router: Adds deliveries of each event.
        sender: Sends them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        environment: Environment,
    ) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.WEBHOOKS,
            description="Bedrock Meter: events for receivers of webhooks",
            env=environment,
        )
        key = _get_key(storage)
        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        redrive_role = storage.redrive_role.role_arn
        received = WebhookQueue(
            self,
            "Events",
            name=WEBHOOK_EVENTS,
            function_timeout=ROUTER_TIMEOUT,
            max_receive_count=_MAX_ROUTER_RECEIVES,
            key=storage.data_key,
        )
        deliveries = WebhookQueue(
            self,
            "Deliveries",
            name=WEBHOOK_DELIVERIES,
            function_timeout=SENDER_TIMEOUT,
            max_receive_count=_MAX_SENDER_RECEIVES,
            key=storage.data_key,
        )
        received.deny_principals(but=redrive_role)
        received.allow_redrive(redrive_role)
        # The topic is in a stack that is deployed later, under a name that CloudFormation makes. So
        # this is a pattern, which others could match: the router takes messages of the one alone.
        topics = self.format_arn(service="sns", resource=f"{stack_names.MONITORING}-*")
        received.allow_service("TopicSends", "sns.amazonaws.com", topics)
        self._watch_alarms(received)
        self.router = WebhookRouter(
            self,
            WEBHOOK_ROUTER,
            defaults=defaults,
            governance=storage.governance,
            received=received,
            deliveries=deliveries,
            topic_stack=stack_names.MONITORING,
        )
        self.sender = WebhookSender(
            self,
            WEBHOOK_SENDER,
            defaults=defaults,
            governance=storage.governance,
            deliveries=deliveries,
            key=key,
        )
        CfnOutput(self, "WebhookKeyArn", value=key.key_arn)
        CfnOutput(self, "WebhookEventQueueUrl", value=received.queue_url)
        CfnOutput(self, "WebhookDeliveryQueueUrl", value=deliveries.queue_url)
        CfnOutput(self, "WebhookRouterName", value=self.router.function_name)
        CfnOutput(self, "WebhookSenderName", value=self.sender.function_name)

    def _watch_alarms(self, received: WebhookQueue) -> None:
        """Send changes of the meter's alarms to the queue, both beginnings and ends.

        Events of the source `aws.cloudwatch` come from AWS alone: others cannot publish them.
        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
        """
        alarms = self.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=NAME_PREFIX,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        rule = events.Rule(
            self,
            "Alarms",
            description="Bedrock Meter: an alarm began or ended",
            event_pattern=watch_alarms(events.Match.prefix(alarms)),
        )
        rule.add_target(QueueTarget(received))
        received.allow_service("RuleSends", "events.amazonaws.com", rule.rule_arn)


def _get_key(storage: StorageStack) -> kms.IKey:
    """Get the key, which storage has wherever this stack is.

    Raises:
        ValueError: The settings of both stacks differ.
    """
    if storage.webhook_key is None:
        message = "webhooks are off"
        raise ValueError(message)
    return storage.webhook_key
