"""Compares the topic of notifications, its subscriptions and its key with the deployed ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from lambdas.domain.logging_configuration import Drift, PolicyDocument, Subject
from lambdas.domain.safeguards.deployed import DeployedResource, list_resources, matches
from lambdas.domain.words import fingerprint, show

_TOPIC = "AWS::SNS::Topic"
_TOPIC_POLICY = "AWS::SNS::TopicPolicy"
_SUBSCRIPTION = "AWS::SNS::Subscription"
_KEY = "AWS::KMS::Key"
_ALARMS = "cloudwatch.amazonaws.com"
_ENABLED = "Enabled"
_TIME_TO_CONFIRM = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TopicSubscription:
    """A subscription of the topic.

    Attributes:
        protocol: Its protocol, such as `email`.
        endpoint: The address that receives notifications.
        is_confirmed: Whether its owner has confirmed it.
        filter_policy: The filter that notifications must match; `None` without one, and where it
            was not read.
    """

    protocol: str
    endpoint: str
    is_confirmed: bool
    filter_policy: str | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic of notifications.

    Attributes:
        key: The key that encrypts messages; `None` without one.
        policy: Its access policy.
        subscriptions: Its subscriptions.
    """

    key: str | None
    policy: PolicyDocument
    subscriptions: tuple[TopicSubscription, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A customer key.

    Attributes:
        state: Its state; only `Enabled` keys work.
        policy: Its policy.
    """

    state: str
    policy: PolicyDocument


def find_topic(resources: Iterable[DeployedResource]) -> str | None:
    """The ARN of the deployed topic."""
    return next((topic.physical_id for topic in list_resources(resources, _TOPIC)), None)


def find_endpoints(resources: Iterable[DeployedResource]) -> set[str]:
    """The addresses that the deployment has subscribed."""
    return {
        subscription.properties["Endpoint"]
        for subscription in list_resources(resources, _SUBSCRIPTION)
    }


def find_key(resources: Iterable[DeployedResource]) -> str | None:
    """Find the id of the key of the topic; `None` without one. Webhooks have a key of their own."""
    return next((key.physical_id for key in _list_keys(resources)), None)


def _list_keys(resources: Iterable[DeployedResource]) -> Iterator[DeployedResource]:
    """List the key that alarms use to publish."""
    for key in list_resources(resources, _KEY):
        principals = [
            statement.get("Principal") for statement in key.properties["KeyPolicy"]["Statement"]
        ]
        if {"Service": _ALARMS} in principals:
            yield key


def compare_topic(
    resources: Iterable[DeployedResource], live: Topic | None, now: datetime
) -> Iterator[Drift]:
    """Find faults that keep notifications from people.

    Args:
        resources: The deployed resources.
        live: The topic; `None` if it is gone.
        now: The time of the check. People have a day to confirm, from the deployment on.
    """
    resources = list(resources)
    if live is None:
        yield _make_topic_drift("the notification topic is gone")
        return
    for topic in list_resources(resources, _TOPIC):
        if not matches(topic.properties.get("KmsMasterKeyId"), live.key):
            yield _make_topic_drift(
                f"the encryption key of the topic was changed (now {show(live.key)})"
            )
    for policy in list_resources(resources, _TOPIC_POLICY):
        if not _is_same_policy(policy.properties["PolicyDocument"], live.policy):
            yield _make_topic_drift(
                f"the access policy of the topic was changed (now {fingerprint(live.policy)})"
            )
    for subscription in list_resources(resources, _SUBSCRIPTION):
        yield from _compare_subscription(subscription, live, now)


def compare_key(resources: Iterable[DeployedResource], live: Key | None) -> Iterator[Drift]:
    """Find faults that keep alarms and functions from using the topic's key."""
    for key in _list_keys(resources):
        if live is None:
            yield _make_key_drift("the key of the topic is gone")
            return
        if live.state != _ENABLED:
            yield _make_key_drift(f"the key of the topic cannot be used: its state is {live.state}")
        if not _is_same_policy(key.properties["KeyPolicy"], live.policy):
            now = fingerprint(live.policy)
            yield _make_key_drift(f"the policy of the topic's key was changed (now {now})")


def _is_same_policy(deployed: PolicyDocument, live: PolicyDocument) -> bool:
    """Compare policies; everyone has two spellings.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    return matches(_with_principals(deployed), _with_principals(live))


def _with_principals(policy: PolicyDocument) -> PolicyDocument:
    statements = policy.get("Statement", [])
    return {
        **policy,
        "Statement": [
            {**statement, "Principal": {"AWS": "*"}}
            if statement.get("Principal") == "*"
            else statement
            for statement in (statements if isinstance(statements, list) else [statements])
        ],
    }


def _compare_subscription(
    deployed: DeployedResource, topic: Topic, now: datetime
) -> Iterator[Drift]:
    protocol, endpoint = deployed.properties["Protocol"], deployed.properties["Endpoint"]
    name = f"the {protocol} subscription {_without_secrets(endpoint)}"
    found = [
        subscription
        for subscription in topic.subscriptions
        if (subscription.protocol, subscription.endpoint) == (protocol, endpoint)
    ]
    confirmed = [subscription for subscription in found if subscription.is_confirmed]
    if not found:
        yield _make_topic_drift(f"{name} is gone")
    elif not confirmed:
        if now - deployed.updated_at >= _TIME_TO_CONFIRM:
            yield _make_topic_drift(f"{name} is not confirmed, so it receives no notifications")
        return
    wanted = deployed.properties.get("FilterPolicy")
    for found_policy in dict.fromkeys(subscription.filter_policy for subscription in confirmed):
        if found_policy is None:
            if wanted is not None:
                yield _make_topic_drift(f"{name} has lost its filter, so it receives too much")
        elif wanted is None or not matches(wanted, _try_to_read(found_policy)):
            text = f"{name} receives only notifications that match {show(found_policy)}"
            yield _make_topic_drift(text)


def _try_to_read(policy: str) -> object:
    """Read a filter policy as JSON; `None` for another text."""
    try:
        return json.loads(policy)
    except ValueError:
        return None


def _without_secrets(endpoint: str) -> str:
    """An address as it may be shown: addresses of webhooks often contain a secret."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.hostname}" if parts.scheme and parts.hostname else endpoint


def _make_topic_drift(text: str) -> Drift:
    return Drift(Subject.TOPIC, text)


def _make_key_drift(text: str) -> Drift:
    return Drift(Subject.KEY, text)
