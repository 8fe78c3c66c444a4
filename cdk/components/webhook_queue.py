"""A queue of webhooks: encrypted, over TLS only, with a queue of messages that keep failing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk.interfaces.aws_events import IRuleRef
from constructs import Construct

from cdk.config.resource_names import DEAD_LETTERS

_MAX_RETENTION = Duration.days(14)
"""The maximum of SQS, so that there is time to find the cause of failures.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""


class WebhookQueue(sqs.Queue):
    """A queue and its dead-letter queue.

    Their names are fixed: the topic, alarms and commands know them without an export, which could
    not be removed together with the queue.

    Attributes:
        dead_letters: The queue of messages that were received too often.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function_timeout: Duration,
        max_receive_count: int,
        key: kms.IKey | None,
    ) -> None:
        """Make the queue.

        Args:
            scope: The stack.
            construct_id: Its name there.
            name: Its name.
            function_timeout: The timeout of the function that it starts.
            max_receive_count: The receives after which a message is a dead letter.
            key: The customer key that encrypts messages; `None` for SQS's own.
        """
        shared: dict[str, Any] = {
            "encryption": (
                sqs.QueueEncryption.KMS if key is not None else sqs.QueueEncryption.SQS_MANAGED
            ),
            "encryption_master_key": key,
            "enforce_ssl": True,
            "retention_period": _MAX_RETENTION,
        }
        dead_letters = sqs.Queue(
            scope, f"{construct_id}DeadLetters", queue_name=f"{name}{DEAD_LETTERS}", **shared
        )
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            visibility_timeout=Duration.seconds(6 * function_timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=dead_letters, max_receive_count=max_receive_count
            ),
            **shared,
        )
        self.dead_letters = dead_letters

    def allow_service(self, sid: str, service: str, sources: str) -> None:
        """Let a service send here for resources of this account, by a pattern of their ARNs."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[iam.ServicePrincipal(service)],
                actions=["sqs:SendMessage"],
                resources=[self.queue_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": sources},
                },
            )
        )

    def deny_principals(self, *, but: str) -> None:
        """Let no user and no role send here or among dead letters, but one.

        What is sent here is signed in the name of the meter. A denial holds against each policy of
        the principal.

        Args:
            but: The ARN of the role that moves dead letters back.
        """
        conditions: Mapping[str, Any] = {
            "Bool": {"aws:PrincipalIsAWSService": "false"},
            "ArnNotEquals": {"aws:PrincipalArn": but},
        }
        for queue in (self, self.dead_letters):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="ServicesAlone",
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions=conditions,
                )
            )

    def allow_redrive(self, role_arn: str) -> None:
        """Let a role move dead letters back.

        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
        """
        role = iam.ArnPrincipal(role_arn)
        for queue, actions in (
            (self, ("sqs:SendMessage",)),
            (
                self.dead_letters,
                (
                    *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
                    *("sqs:ListMessageMoveTasks", "sqs:StartMessageMoveTask"),
                ),
            ),
        ):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="Redrive",
                    principals=[role],
                    actions=list(actions),
                    resources=[queue.queue_arn],
                )
            )


@jsii.implements(events.IRuleTarget)
class QueueTarget:
    """A queue as the target of a rule, with a policy that lets the rule send.

    `aws_events_targets.SqsQueue` would let every rule use a customer key.
    """

    def __init__(self, queue: sqs.IQueue) -> None:
        """Send events to a queue as they are."""
        self._queue = queue

    def bind(
        self,
        rule: IRuleRef,  # noqa: ARG002  # the interface's
        id: str | None = None,  # noqa: A002, ARG002  # the interface's
    ) -> events.RuleTargetConfig:
        """Return the target's configuration."""
        return events.RuleTargetConfig(arn=self._queue.queue_arn)
