"""The state of deployed webhooks, as `make doctor` reports it: key, queues, topic and receivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import boto3

from cdk.config import stack_names
from cdk.config.resource_names import DEAD_LETTERS, WEBHOOK_DELIVERIES, WEBHOOK_EVENTS
from cdk.operations.aws_errors import ignore_errors
from cdk.operations.deployment import Deployment
from lambdas.domain.webhooks import DeliveryState, DeliveryStore, WebhookStore, WebhookSubscription
from lambdas.domain.words import list_names, plural

_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_DELETED = "Deleted"
_MAX_DELIVERIES_READ = 20
"""The newest of each receiver."""


class WebhookStores(NamedTuple):
    """The stored receivers and their deliveries.

    Attributes:
        webhooks: The receivers.
        deliveries: Their deliveries.
    """

    webhooks: WebhookStore
    deliveries: DeliveryStore


OpenWebhooks: TypeAlias = Callable[[boto3.Session, str], WebhookStores]
"""Opens the stores in the table `Governance` with this name."""


@dataclass(slots=True)
class WebhookHealth:
    """The results of health checks of webhooks.

    Attributes:
        problems: No receiver gets events. Each says what to do.
        warnings: Some receivers or events need attention.
        notes: What an operator should know.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it, the worst first."""
        return " ".join([*self.problems, *self.warnings, *self.notes])


def examine_webhooks(
    session: boto3.Session, deployment: Deployment, stores: WebhookStores | None
) -> WebhookHealth:
    """Examine deployed webhooks, changing nothing.

    Args:
        session: A session with the account's credentials.
        deployment: The deployment there.
        stores: Its receivers and deliveries; `None` to read neither.
    """
    health = WebhookHealth()
    health.problems += _check_key(session, deployment)
    health.problems += _check_queues(session)
    health.problems += _check_topic(session, deployment)
    health.warnings += _find_dead_letters(session)
    if stores is not None:
        _add_receivers(health, stores)
    return health


def _check_key(session: boto3.Session, deployment: Deployment) -> Iterator[str]:
    key = deployment.output(stack_names.WEBHOOKS, "WebhookKeyArn")
    state: str = _DELETED
    with ignore_errors({"NotFoundException"}):
        state = session.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    if state == _DELETED:
        yield (
            f"The key {key} is gone, so no address can be read: deploy webhooks again as"
            " docs/deployment.md says, and add the receivers again."
        )
    elif state != "Enabled":
        yield (
            f"The key of webhooks is in the state {state}, so no address can be read: enable"
            f" {key}, or cancel its deletion."
        )


def _check_queues(session: boto3.Session) -> Iterator[str]:
    missing = [
        name for name in (WEBHOOK_EVENTS, WEBHOOK_DELIVERIES) if _count(session, name) is None
    ]
    if missing:
        yield (
            f"{list_names(missing)} is gone: delete the stack {stack_names.WEBHOOKS}, and run make"
            " deploy."
        )


def _check_topic(session: boto3.Session, deployment: Deployment) -> Iterator[str]:
    topic = deployment.output(stack_names.MONITORING, "TopicArn")
    queue = f"{topic.replace(':sns:', ':sqs:', 1).rpartition(':')[0]}:{WEBHOOK_EVENTS}"
    pages = session.client("sns").get_paginator("list_subscriptions_by_topic")
    endpoints = [
        subscription["Endpoint"]
        for page in pages.paginate(TopicArn=topic)
        for subscription in page["Subscriptions"]
        if subscription["Protocol"] == "sqs"
    ]
    if not any(endpoint.endswith(f":{WEBHOOK_EVENTS}") for endpoint in endpoints):
        yield (
            f"{WEBHOOK_EVENTS} is not subscribed to the topic, so receivers get events of alarms"
            f" alone: run aws sns subscribe --topic-arn {topic} --protocol sqs"
            f" --notification-endpoint {queue}"
            """ --attributes '{"FilterPolicy":"{\\"events\\":[{\\"exists\\":true}]}"}'."""
        )


def _find_dead_letters(session: boto3.Session) -> Iterator[str]:
    for queue in (WEBHOOK_EVENTS, WEBHOOK_DELIVERIES):
        name = f"{queue}{DEAD_LETTERS}"
        if count := _count(session, name):
            yield f"{name} has {plural(count, 'message')} (docs/runbooks/WebhookDelays.md)."


def _count(session: boto3.Session, name: str) -> int | None:
    """Count the messages of a queue; `None` if it does not exist."""
    sqs = session.client("sqs")
    with ignore_errors(_GONE):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])
    return None


def _add_receivers(health: WebhookHealth, stores: WebhookStores) -> None:
    receivers = stores.webhooks.list_all()
    if not receivers:
        health.warnings.append("There are no receivers: run bedrock-meter webhooks add.")
        return
    enabled = [each for each in receivers if each.disabled_at is None]
    if disabled := [each.id for each in receivers if each not in enabled]:
        health.warnings.append(
            f"Switched off: {list_names(disabled)}. Run bedrock-meter webhooks enable or remove."
        )
    if failing := _find_failing(enabled, stores.deliveries):
        health.warnings.append(
            f"The last deliveries failed: {list_names(failing)}. Run bedrock-meter webhooks"
            " deliveries."
        )
    health.notes.append(f"{plural(len(enabled), 'receiver')} on.")


def _find_failing(receivers: Sequence[WebhookSubscription], deliveries: DeliveryStore) -> list[str]:
    """Find the receivers whose newest delivery with an attempt has failed, or waits for another."""
    failing = []
    for receiver in receivers:
        newest = zip(range(_MAX_DELIVERIES_READ), deliveries.list_for(receiver.id), strict=False)
        attempted = (each for _, each in newest if each.last is not None)
        last = next(attempted, None)
        if last is not None and last.state in {DeliveryState.FAILED, DeliveryState.PENDING}:
            failing.append(receiver.id)
    return failing
