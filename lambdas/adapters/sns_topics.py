"""Topics of SNS, with their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from lambdas.adapters.refusals import ignore_absent, refusal_as_not_readable
from lambdas.domain.safeguards.topic import Topic, TopicSubscription

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsTopics:
    """Reads topics of one account and Region."""

    def __init__(self, client: SNSClient) -> None:
        """Read with an SNS client."""
        self._client = client

    def get(self, arn: str, endpoints: Collection[str]) -> Topic | None:
        """Get a topic with its subscriptions, those of some addresses in full."""
        with refusal_as_not_readable(), ignore_absent():
            attributes = self._client.get_topic_attributes(TopicArn=arn)["Attributes"]
            return Topic(
                key=attributes.get("KmsMasterKeyId") or None,
                policy=json.loads(attributes["Policy"]),
                subscriptions=self._subscriptions(arn, endpoints),
            )
        return None

    def _subscriptions(
        self, topic: str, endpoints: Collection[str]
    ) -> tuple[TopicSubscription, ...]:
        pages = self._client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return tuple(
            self._subscription(
                subscription["Protocol"],
                subscription["Endpoint"],
                subscription["SubscriptionArn"],
                is_read=subscription["Endpoint"] in endpoints,
            )
            for page in pages
            for subscription in page["Subscriptions"]
        )

    def _subscription(
        self, protocol: str, endpoint: str, arn: str, *, is_read: bool
    ) -> TopicSubscription:
        """An unconfirmed subscription has no ARN, but words in its place.

        Source: https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
        """
        if not arn.startswith("arn:"):
            return TopicSubscription(protocol, endpoint, is_confirmed=False)
        if not is_read:
            return TopicSubscription(protocol, endpoint, is_confirmed=True)
        attributes = self._client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return TopicSubscription(
            protocol,
            endpoint,
            is_confirmed=attributes.get("PendingConfirmation") != "true",
            filter_policy=attributes.get("FilterPolicy") or None,
        )
