"""The contract of every record of sent notices, run on each of them."""

from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.domain.unmetered import SentNotices
from tests.aws import STATE
from tests.builders import NOON
from tests.traffic import InMemorySentNotices

KEY = "region/eu-north-1/2026-11-28"


@pytest.fixture(params=["in memory", "dynamodb"])
def sent(request: pytest.FixtureRequest) -> Iterator[SentNotices]:
    if request.param == "in memory":
        yield InMemorySentNotices()
        return
    request.getfixturevalue("aws")
    yield DynamoDbSentNotices(boto3.client("dynamodb"), STATE)


def test_a_key_exists_after_it_was_added(sent: SentNotices) -> None:
    assert not sent.contains(KEY)
    sent.add(KEY, NOON)
    assert sent.contains(KEY)
    assert not sent.contains(KEY.replace("eu-north-1", "eu-west-1"))


def test_a_key_may_be_added_again(sent: SentNotices) -> None:
    sent.add(KEY, NOON)
    sent.add(KEY, NOON + timedelta(hours=1))
    assert sent.contains(KEY)


def test_an_item_keeps_its_first_time_and_expires_after_the_longest_job(aws: None) -> None:
    client = boto3.client("dynamodb")
    sent = DynamoDbSentNotices(client, STATE)
    sent.add(KEY, NOON)
    sent.add(KEY, NOON + timedelta(hours=1))
    (item,) = client.scan(TableName=STATE)["Items"]
    assert item == {
        "pk": {"S": f"notice#{KEY}"},
        "sent_at": {"S": NOON.isoformat()},
        "expires_at": {"N": str(round((NOON + timedelta(days=40)).timestamp()))},
    }
