"""Publishes notices to a topic of SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.alerts import Notice

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsNotifier:
    """Publishes to one topic, and adds the account and the Region to each notice."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        """Publish with an SNS client."""
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, notice: Notice) -> None:
        """Publish a notice. Its detail is an attribute, which e-mails do not show.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
        """
        _, _, _, region, account, _ = self._topic_arn.split(":")
        self._client.publish(
            TopicArn=self._topic_arn,
            Subject=notice.subject,
            Message=f"{notice.text}\n\nAccount {account}, {region}",
            MessageAttributes=(
                {}
                if notice.detail is None
                else {"detail": {"DataType": "String", "StringValue": notice.detail}}
            ),
        )
