"""The contract of every record of weekly summaries, kept by each of them."""

from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.summary_deliveries import DynamoDbSummaryDeliveries
from lambdas.domain.reports.weekly import SummaryDeliveries
from tests.aws import STATE
from tests.builders import NOON
from tests.fakes import InMemorySummaryDeliveries

WEEK, NEXT_WEEK = "2026-W48", "2026-W49"
MAX_RUN = timedelta(minutes=15)


@pytest.fixture(params=["in memory", "dynamodb"])
def deliveries(request: pytest.FixtureRequest) -> Iterator[SummaryDeliveries]:
    if request.param == "in memory":
        yield InMemorySummaryDeliveries()
        return
    request.getfixturevalue("aws")
    yield DynamoDbSummaryDeliveries(boto3.client("dynamodb"), STATE)


def test_one_run_at_a_time_takes_on_a_week(deliveries: SummaryDeliveries) -> None:
    assert deliveries.begin(WEEK, NOON)
    assert not deliveries.begin(WEEK, NOON + MAX_RUN - timedelta(seconds=1))
    assert deliveries.begin(NEXT_WEEK, NOON)


def test_a_run_that_was_cut_off_leaves_the_week_to_a_later_one(
    deliveries: SummaryDeliveries,
) -> None:
    assert deliveries.begin(WEEK, NOON)
    assert deliveries.begin(WEEK, NOON + MAX_RUN)


def test_a_week_that_was_given_up_can_be_taken_on_at_once(deliveries: SummaryDeliveries) -> None:
    assert deliveries.begin(WEEK, NOON)
    deliveries.give_up(WEEK)
    assert deliveries.begin(WEEK, NOON)


def test_a_week_that_was_sent_is_never_taken_on_again(deliveries: SummaryDeliveries) -> None:
    assert deliveries.begin(WEEK, NOON)
    deliveries.complete(WEEK, NOON)
    assert not deliveries.begin(WEEK, NOON + timedelta(days=7))


def test_an_item_of_a_sent_week_has_the_time_and_expires(aws: None) -> None:
    client = boto3.client("dynamodb")
    deliveries = DynamoDbSummaryDeliveries(client, STATE)
    assert deliveries.begin(WEEK, NOON)
    deliveries.complete(WEEK, NOON)
    (item,) = client.scan(TableName=STATE)["Items"]
    assert item == {
        "pk": {"S": "summary#2026-W48"},
        "sent_at": {"S": NOON.isoformat()},
        "expires_at": {"N": str(round((NOON + timedelta(days=40)).timestamp()))},
    }
