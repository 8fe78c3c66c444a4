"""What every memory of calls without a cost promises, kept by each of them."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeAlias

import boto3
import pytest

from lambdas.adapters.dynamodb_unpriced_calls import DynamoDbUnpricedCalls, NotesUnavailableError
from lambdas.adapters.dynamodb_usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.ledger_table import UNPRICED_INDEX
from lambdas.domain.metering.unpriced_calls import UnpricedCalls
from tests.aws import LEDGER
from tests.builders import NOON, usage_record
from tests.fakes import InMemoryUnpricedCalls

Open: TypeAlias = Callable[..., UnpricedCalls]


def in_dynamodb(*records: UsageRecord) -> DynamoDbUnpricedCalls:
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).put(records)
    return DynamoDbUnpricedCalls(client, LEDGER)


@pytest.fixture(
    params=[lambda *_: InMemoryUnpricedCalls(), in_dynamodb], ids=["memory", "dynamodb"]
)
def opened(request: pytest.FixtureRequest, aws: None) -> Open:
    """Open a memory beside a ledger that has some calls."""
    it: Open = request.param
    return it


def waiting(unpriced: UnpricedCalls) -> set[UsageRecord]:
    return {record for batch in unpriced.waiting() for record in batch}


def test_what_is_noted_waits_until_it_is_settled_and_is_remembered_then(opened: Open) -> None:
    records = [usage_record(request_id=str(number)) for number in range(3)]
    unpriced = opened(*records)
    unpriced.remember(records[:2])
    assert waiting(unpriced) == set(records[:2])
    unpriced.settle(records[:1])
    assert waiting(unpriced) == {records[1]}
    assert unpriced.remembered(records) == {it.key for it in records[:2]}


def test_many_calls_are_remembered_in_parts(opened: Open) -> None:
    records = [usage_record(request_id=str(number)) for number in range(230)]
    unpriced = opened(*records)
    unpriced.remember(records)
    assert waiting(unpriced) == set(records)
    assert len(unpriced.remembered(records)) == 230


def test_nothing_is_remembered_of_nothing(opened: Open) -> None:
    unpriced = opened()
    unpriced.remember([])
    assert unpriced.remembered([]) == frozenset()
    assert waiting(unpriced) == set()


def test_calls_of_other_models_are_passed_over(opened: Open) -> None:
    records = [usage_record(request_id=it, model_id=it) for it in ("wanted", "other")]
    unpriced = opened(*records)
    unpriced.remember(records)
    assert list(unpriced.waiting(lambda model_id: model_id == "wanted")) == [records[:1]]


def test_one_run_at_a_time(opened: Open) -> None:
    unpriced = opened()
    assert unpriced.begin(NOON)
    assert not unpriced.begin(NOON)
    unpriced.end()
    assert unpriced.begin(NOON)


def test_a_run_that_never_ended_is_waited_for_as_long_as_a_function_can_run(aws: None) -> None:
    unpriced = in_dynamodb()
    assert unpriced.begin(NOON)
    assert not unpriced.begin(NOON + timedelta(minutes=14, seconds=59))
    assert unpriced.begin(NOON + timedelta(minutes=15))


def test_a_note_expires_after_cloudwatch_takes_no_metric_of_the_call(aws: None) -> None:
    record = usage_record()
    in_dynamodb(record).remember([record])
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    (note,) = (it for it in items if it["pk"]["S"].startswith("unpriced#"))
    assert note["pk"]["S"].removeprefix("unpriced#") in {
        it["pk"]["S"].removeprefix("call#") for it in items
    }
    assert int(note["expires_at"]["N"]) == (NOON + timedelta(days=16)).timestamp()


def test_a_note_names_as_much_of_a_model_as_an_index_takes(aws: None) -> None:
    """A key of an index holds 2,048 bytes."""
    record = usage_record(model_id="\N{GRINNING FACE}" * 513)
    in_dynamodb(record).remember([record])
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    (name,) = (it["unpriced_model"]["S"] for it in items if "unpriced_model" in it)
    assert len(name.encode()) == 2048


class BehindIndex:
    """Answers scans of the index with what it said when it was made."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")
        scan = self.client.get_paginator("scan")
        self.pages = list(scan.paginate(TableName=LEDGER, IndexName=UNPRICED_INDEX))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: self.pages)


def test_an_index_that_is_behind_lets_no_call_wait_that_is_settled(aws: None) -> None:
    """Else the next run would publish its cost again."""
    records = [usage_record(request_id=it) for it in ("settled", "waiting")]
    unpriced = in_dynamodb(*records)
    unpriced.remember(records)
    behind: Any = BehindIndex()
    unpriced.settle(records[:1])
    assert waiting(DynamoDbUnpricedCalls(behind, LEDGER)) == {records[1]}


def test_a_call_that_left_the_ledger_waits_for_nothing(aws: None) -> None:
    unpriced = in_dynamodb()
    unpriced.remember([usage_record()])
    assert list(unpriced.waiting()) == [[]]


class Busy:
    """Answers with what it leaves over, so many times."""

    def __init__(self, times: int) -> None:
        self.client = boto3.client("dynamodb")
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803  # boto3's name
        if self.times:
            self.times -= 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return self.client.batch_get_item(RequestItems=RequestItems)


def test_what_is_left_over_is_asked_for_again_and_in_the_end_told(aws: None) -> None:
    record = usage_record()
    in_dynamodb(record).remember([record])
    pauses: list[float] = []
    busy: Any = Busy(times=2)
    assert DynamoDbUnpricedCalls(busy, LEDGER, pauses.append).remembered([record]) == {record.key}
    assert len(pauses) == 2
    too_busy: Any = Busy(times=100)
    with pytest.raises(NotesUnavailableError, match="1 items were not read"):
        DynamoDbUnpricedCalls(too_busy, LEDGER, pauses.append).remembered([record])
