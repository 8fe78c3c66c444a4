"""Settings of the topic, its subscriptions or its key that block notifications are found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.safeguards.topic import (
    Key,
    Topic,
    TopicSubscription,
    compare_key,
    compare_topic,
    find_key,
    find_topic,
)
from tests.unit.safeguards.deployed import (
    ALARMS_PUBLISH,
    BEFORE,
    KEY,
    NOON,
    TOPIC,
    get_text,
    resource,
)

POLICY = {"Statement": [{"Action": "sns:Publish", "Effect": "Allow", "Resource": TOPIC}]}
KEY_POLICY = {"Statement": [ALARMS_PUBLISH]}
MAIL = resource(
    "AWS::SNS::Subscription", "mail", {"Protocol": "email", "Endpoint": "finops@example.com"}
)
HOOK = resource(
    "AWS::SNS::Subscription",
    "hook",
    {"Protocol": "https", "Endpoint": "https://hooks.example.com/services/secret"},
)
DEPLOYED = [
    resource("AWS::SNS::Topic", TOPIC, {"KmsMasterKeyId": KEY}),
    resource("AWS::SNS::TopicPolicy", "policy", {"PolicyDocument": POLICY}),
    MAIL,
    HOOK,
    resource("AWS::KMS::Key", "webhook-key-id", {"KeyPolicy": {"Statement": []}}),
    resource("AWS::KMS::Key", "key-id", {"KeyPolicy": KEY_POLICY}),
]
SUBSCRIBED_MAIL = TopicSubscription("email", "finops@example.com", is_confirmed=True)
SUBSCRIBED_HOOK = TopicSubscription("https", HOOK.properties["Endpoint"], is_confirmed=True)
LIVE = Topic(KEY, POLICY, (SUBSCRIBED_MAIL, SUBSCRIBED_HOOK))


def found(live: Topic | None) -> list[str]:
    return [get_text(difference) for difference in compare_topic(DEPLOYED, live, NOON)]


def test_an_unchanged_topic_is_not_drift() -> None:
    others = TopicSubscription("sqs", "arn:queue", is_confirmed=True)
    assert found(LIVE) == found(replace(LIVE, subscriptions=(*LIVE.subscriptions, others))) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"key": None}, "the encryption key of the topic was changed (now not set)"),
        ({"key": "other"}, "the encryption key of the topic was changed (now 'other')"),
        ({"policy": {}}, "the access policy of the topic was changed"),
        (
            {"subscriptions": (SUBSCRIBED_HOOK,)},
            "the email subscription finops@example.com is gone",
        ),
        (
            {"subscriptions": (SUBSCRIBED_MAIL,)},
            "the https subscription https://hooks.example.com is gone",
        ),
        (
            {"subscriptions": (replace(SUBSCRIBED_MAIL, is_confirmed=False), SUBSCRIBED_HOOK)},
            (
                "the email subscription finops@example.com is not confirmed, so it receives no"
                " notifications"
            ),
        ),
        (
            {"subscriptions": (replace(SUBSCRIBED_MAIL, filter_policy="{}"), SUBSCRIBED_HOOK)},
            "the email subscription finops@example.com receives only notifications that match '{}'",
        ),
    ],
)
def test_a_changed_topic_is_drift(changes: dict[str, Any], text: str) -> None:
    assert found(replace(LIVE, **changes)) == [text]


def test_a_deleted_topic_is_drift() -> None:
    assert found(None) == ["the notification topic is gone"]


@pytest.mark.parametrize(
    ("principal", "count"),
    [("*", 0), ({"AWS": "*"}, 0), ({"AWS": ["*"]}, 0), ({"AWS": "arn:other"}, 1)],
)
def test_both_spellings_of_a_public_principal_are_equal(principal: object, count: int) -> None:
    statement = {"Action": "sns:Publish", "Effect": "Deny"}
    policy = {"Statement": [{**statement, "Principal": "*"}]}
    deployed = resource("AWS::SNS::TopicPolicy", "policy", {"PolicyDocument": policy})
    live = replace(LIVE, policy={"Statement": {**statement, "Principal": principal}})
    assert len([*compare_topic([deployed], live, NOON)]) == count


@pytest.mark.parametrize(("age", "count"), [(timedelta(hours=23), 0), (timedelta(days=1), 1)])
def test_subscribers_have_a_day_to_confirm(age: timedelta, count: int) -> None:
    mail = replace(MAIL, updated_at=NOON - age)
    pending = replace(LIVE, subscriptions=(replace(SUBSCRIBED_MAIL, is_confirmed=False),))
    assert len([*compare_topic([mail], pending, NOON)]) == count


@pytest.mark.parametrize(
    ("live", "texts"),
    [
        (Key("Enabled", KEY_POLICY), []),
        (
            Key("Disabled", KEY_POLICY),
            ["the key of the topic cannot be used: its state is Disabled"],
        ),
        (
            Key("PendingDeletion", KEY_POLICY),
            ["the key of the topic cannot be used: its state is PendingDeletion"],
        ),
        (Key("Enabled", {"Statement": []}), ["the policy of the topic's key was changed"]),
        (None, ["the key of the topic is gone"]),
    ],
)
def test_a_key_that_alarms_cannot_use_is_drift(live: Key | None, texts: list[str]) -> None:
    assert [get_text(difference) for difference in compare_key(DEPLOYED, live)] == texts


def test_topic_and_key_come_from_the_deployment() -> None:
    assert (find_topic(DEPLOYED), find_key(DEPLOYED)) == (TOPIC, "key-id")
    assert (find_topic([]), find_key([])) == (None, None)
    assert MAIL.updated_at == BEFORE


@pytest.mark.parametrize(
    ("filter_policy", "texts"),
    [
        ('{"events": [{"exists": true}]}', []),
        (None, ["the sqs subscription arn:queue has lost its filter, so it receives too much"]),
        (
            '{"events": ["none"]}',
            [
                (
                    "the sqs subscription arn:queue receives only notifications that match"
                    ' \'{"events": ["none"]}\''
                )
            ],
        ),
        (
            "no JSON",
            ["the sqs subscription arn:queue receives only notifications that match 'no JSON'"],
        ),
    ],
)
def test_a_deployed_filter_is_no_drift(filter_policy: str | None, texts: list[str]) -> None:
    queue = resource(
        "AWS::SNS::Subscription",
        "queue",
        {
            "Protocol": "sqs",
            "Endpoint": "arn:queue",
            "FilterPolicy": {"events": [{"exists": True}]},
        },
    )
    subscribed = TopicSubscription(
        "sqs", "arn:queue", is_confirmed=True, filter_policy=filter_policy
    )
    live = replace(LIVE, subscriptions=(*LIVE.subscriptions, subscribed))
    assert [drift.text for drift in compare_topic([*DEPLOYED, queue], live, NOON)] == texts
