"""The contract of every store of the audit trail, run on each of them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.domain.audit import (
    AppendOutcome,
    AuditAction,
    AuditedChange,
    AuditStore,
    ChainHead,
    Mark,
    PastVerification,
    ProblemKind,
    StoredEntry,
    verify_chain,
)
from tests.audit import AUDIT, InMemoryAuditStore, change, create_audit_table
from tests.builders import NOON


@pytest.fixture(params=["in memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[AuditStore]:
    if request.param == "in memory":
        yield InMemoryAuditStore()
        return
    request.getfixturevalue("aws")
    create_audit_table()
    yield DynamoDbAuditStore(boto3.client("dynamodb"), AUDIT)


def append(store: AuditStore, made: AuditedChange) -> AppendOutcome:
    return store.append(store.read_head().append(made, NOON))


def test_an_empty_chain_has_no_head_and_no_entries(store: AuditStore) -> None:
    assert store.read_head() == ChainHead()
    assert list(store.read_entries()) == []
    assert store.read_last("budget:chat") is None


def test_entries_are_read_in_their_order(store: AuditStore) -> None:
    for number in range(1, 13):
        assert append(store, change(number)) is AppendOutcome.APPENDED
    assert [entry.place for entry in store.read_entries()] == [*range(1, 13)]
    assert [entry.place for entry in store.read_entries(10)] == [11, 12]
    assert verify_chain(store.read_entries()).is_intact
    assert store.read_head() == verify_chain(store.read_entries()).head


def test_a_place_is_taken_once(store: AuditStore) -> None:
    first, second = (ChainHead().append(change(number), NOON) for number in (1, 2))
    assert store.append(first) is AppendOutcome.APPENDED
    assert store.append(second) is AppendOutcome.HEAD_MOVED
    assert [*store.read_entries()] == [StoredEntry.from_entry(first)]


def test_a_source_makes_one_entry(store: AuditStore) -> None:
    append(store, change(1))
    assert append(store, change(1)) is AppendOutcome.ALREADY_THERE
    assert store.append(ChainHead().append(change(1), NOON)) is AppendOutcome.ALREADY_THERE
    assert store.has_source("stream/1")
    assert not store.has_source("stream/2")


def test_a_source_without_a_change_is_marked(store: AuditStore) -> None:
    for _ in range(2):
        store.mark_source("prices/1")
    assert store.has_source("prices/1")
    assert append(store, change(source="prices/1")) is AppendOutcome.ALREADY_THERE
    assert list(store.read_entries()) == []


def test_the_last_entry_about_a_subject_is_found(store: AuditStore) -> None:
    for number, subject in enumerate(("prices", "budget:chat", "prices", "budget:chat"), 1):
        append(store, change(number, subject=subject, action=AuditAction.CHANGE_PRICES))
    found = store.read_last("prices")
    assert found is not None
    assert found.place == 3


def test_the_last_entry_is_read_from_the_chain_whatever_marks_say(aws: None) -> None:
    create_audit_table()
    dynamodb = boto3.client("dynamodb")
    store = DynamoDbAuditStore(dynamodb, AUDIT)
    for number, subject in enumerate(("prices", "budget:chat"), 1):
        append(store, change(number, subject=subject))
    expected = next(store.read_entries())
    for place in ("000000000002", "000000000009", "zzz"):
        item: Any = {
            "pk": {"S": "subject#prices"},
            "sk": {"S": place},
            "entry": {"S": "forged"},
            "hash": {"S": "forged"},
        }
        dynamodb.put_item(TableName=AUDIT, Item=item)
    assert store.read_last("prices") == expected
    assert store.read_last("budget:other") is None


def test_a_damaged_last_entry_is_read_as_it_is(aws: None) -> None:
    create_audit_table()
    dynamodb = boto3.client("dynamodb")
    store = DynamoDbAuditStore(dynamodb, AUDIT)
    append(store, change(1, subject="prices"))
    key = {"pk": {"S": "chain"}, "sk": {"S": "000000000001"}}
    dynamodb.put_item(TableName=AUDIT, Item={**key, "entry": {"S": "{}"}, "hash": {"S": ""}})
    assert store.read_last("prices") == StoredEntry(1, "{}", "")


def test_marks_of_entries_and_of_sources_are_read(store: AuditStore) -> None:
    append(store, change(1))
    store.mark_source("prices/1")
    store.add_verification(PastVerification(NOON, 0))
    assert {*store.read_marks()} == {
        Mark("source#stream/1", 1),
        Mark("subject#budget:chat", 1),
        Mark("source#prices/1", None),
    }


def test_marks_of_several_pages_are_all_read(store: AuditStore) -> None:
    for number in range(1, 60):
        append(store, change(number, after="x" * 60_000))
    assert len({*store.read_marks()}) == 2 * 59


def test_the_last_verification_up_to_a_time_is_read(store: AuditStore) -> None:
    assert store.read_last_verification(NOON) is None
    made = [PastVerification(NOON + timedelta(hours=hours), hours) for hours in (0, 2, 4)]
    for verification in reversed(made):
        store.add_verification(verification)
    assert store.read_last_verification(NOON + timedelta(hours=3)) == made[1]
    assert store.read_last_verification(NOON - timedelta(hours=1)) is None


@pytest.mark.parametrize("key", ["2026-09-08", "2026", "0", "2026-09-08T11:00:00+00:00"])
def test_a_verification_that_cannot_be_read_does_not_count(key: str, aws: None) -> None:
    create_audit_table()
    dynamodb = boto3.client("dynamodb")
    item: Any = {"pk": {"S": "verifications"}, "sk": {"S": key}}
    dynamodb.put_item(TableName=AUDIT, Item=item)
    assert DynamoDbAuditStore(dynamodb, AUDIT).read_last_verification(NOON) is None


def test_a_key_that_is_no_place_does_not_stop_the_chain(aws: None) -> None:
    create_audit_table()
    dynamodb = boto3.client("dynamodb")
    store = DynamoDbAuditStore(dynamodb, AUDIT)
    append(store, change(1))
    dynamodb.put_item(TableName=AUDIT, Item={"pk": {"S": "chain"}, "sk": {"S": "zzz"}})
    assert append(store, change(2)) is AppendOutcome.APPENDED
    assert not verify_chain(store.read_entries()).is_intact


def test_a_long_subject_is_found(store: AuditStore) -> None:
    append(store, change(subject="budget:" + "x" * 3_000))
    assert store.read_last("budget:" + "x" * 3_000) is not None


@pytest.mark.parametrize("attributes", [{}, {"entry": {"N": "1"}, "hash": {"S": "x"}}])
def test_an_item_that_is_no_entry_is_found_by_the_verification(
    aws: None, attributes: dict[str, dict[str, str]]
) -> None:
    create_audit_table()
    dynamodb = boto3.client("dynamodb")
    store = DynamoDbAuditStore(dynamodb, AUDIT)
    append(store, change(1))
    key = {"pk": {"S": "chain"}, "sk": {"S": "anything"}}
    dynamodb.put_item(TableName=AUDIT, Item={**key, **attributes})
    kinds = {problem.kind for problem in verify_chain(store.read_entries()).problems}
    assert kinds == {ProblemKind.ALTERED, ProblemKind.FORK}
