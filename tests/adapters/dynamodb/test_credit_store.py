"""Books of credits keep one contract: in memory, and in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import CONTENT, CREDIT_ENTRIES, CREDIT_GRANTS
from lambdas.domain.counters import CellKey, CellSpan, Chunk, Sums, UsageLabels, UsageTotals
from lambdas.domain.counters.table import CHANGED_HOURS
from lambdas.domain.credits import (
    MAX_CELLS,
    MAX_GRANTS_OF_AN_ENTRY,
    Account,
    AccountKind,
    BooksClosedError,
    CellId,
    ChangedHours,
    CreditBook,
    CreditEntry,
    CreditGrant,
    CreditsChangedError,
    CreditSnapshot,
    CreditStore,
    CreditsUnavailableError,
    EntryKind,
    GrantBalance,
    GrantExistsError,
    book_cells,
    find_differences,
    grant_entry,
    sum_balances,
    void,
)
from lambdas.domain.governance_keys import EXPIRES_AT, PARTITION_KEY, SORT_KEY
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import LEDGER
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, HAIKU_3, NOON
from tests.counters import InMemoryCounters
from tests.credits import InMemoryCreditStore

HOUR = timedelta(hours=1)
DOLLAR = 10**12
NO_CELLS: dict[CellId, Any] = {}


class Stored:
    """The books, the notes of changed hours, and the counters that write these."""

    def __init__(self, books: CreditStore, hours: ChangedHours, counters: Any) -> None:
        self.books, self.hours, self.counters = books, hours, counters


@pytest.fixture
def dynamodb(aws: None) -> Stored:
    create_governance_table()
    create_table()
    client = boto3.client("dynamodb")
    return Stored(
        DynamoDbCreditStore(client, GOVERNANCE, lambda _: None, changed_by="credit_booker"),
        DynamoDbChangedHours(client, COUNTERS),
        DynamoDbUsageCounters(client, COUNTERS, LEDGER, lambda _: None),
    )


@pytest.fixture(params=["memory", "dynamodb"])
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    if request.param == "dynamodb":
        yield request.getfixturevalue("dynamodb")
    else:
        counters = InMemoryCounters()
        yield Stored(InMemoryCreditStore(), counters.changed_hours, counters)


def labels(project: str = "chat") -> UsageLabels:
    return UsageLabels(
        *(ANA, project, "support", "unattributed"),
        *(HAIKU_3, "anthropic", "us-east-1", "standard"),
    )


def grant(name: str = "start", usd: int = 10, **changes: Any) -> CreditGrant:
    made = CreditGrant(
        id=name,
        picodollars=usd * DOLLAR,
        effective_from=NOON,
        created_at=NOON + timedelta(minutes=4),
    )
    return replace(made, **changes)


def add(store: CreditStore, *grants: CreditGrant) -> None:
    for each in grants:
        booking = grant_entry(each)
        store.add_grant(booking.grants[0], booking.entry)


def book(
    store: CreditStore,
    counted: dict[CellId, int],
    at: datetime = NOON + HOUR,
    hour: datetime = NOON,
) -> list[CreditEntry]:
    """Book the counted cells of an hour as the booker does."""
    differences = find_differences(store.read_book(), counted, store.read_booked(hour))
    entries = list[CreditEntry]()
    for booking in book_cells(store.read_book(), differences, at):
        store.commit(*booking)
        entries.append(booking.entry)
    return entries


def read_rests(store: CreditStore) -> dict[str, int]:
    return {name: each.picodollars for name, each in store.read_book().grants.items()}


def test_a_grant_is_read_as_it_was_added(stored: Stored) -> None:
    made = grant(
        scope=BudgetScope(project=("chat", "batch-*")),
        priority=7,
        expires_at=NOON + 24 * HOUR,
        note="order 17, Grüße",
    )
    add(stored.books, made)
    assert stored.books.read_book() == CreditBook(
        {"start": GrantBalance(grant=made, picodollars=10 * DOLLAR, version=1)}
    )
    (entry,) = stored.books.list_entries()
    assert (entry.kind, entry.booked_at) == (EntryKind.GRANT, made.created_at)


def test_the_same_grant_again_changes_nothing(stored: Stored) -> None:
    add(stored.books, grant())
    book(stored.books, {CellId(NOON, labels()): DOLLAR})
    add(stored.books, grant())
    assert read_rests(stored.books) == {"start": 9 * DOLLAR}
    assert len(list(stored.books.list_entries())) == 2


def test_another_grant_with_a_known_id_is_refused(stored: Stored) -> None:
    add(stored.books, grant())
    with pytest.raises(GrantExistsError):
        add(stored.books, grant(usd=11))
    assert read_rests(stored.books) == {"start": 10 * DOLLAR}
    assert len(list(stored.books.list_entries())) == 1


def test_cells_are_booked_with_their_grants_and_one_entry(stored: Stored) -> None:
    add(stored.books, grant("first", 1), grant("second", 5, priority=60))
    counted = {CellId(NOON, labels()): 2 * DOLLAR, CellId(NOON, labels("batch")): DOLLAR}
    (entry,) = book(stored.books, counted)
    assert read_rests(stored.books) == {"first": 0, "second": 3 * DOLLAR}
    booked = stored.books.read_booked(NOON)
    assert {cell: each.picodollars for cell, each in booked.items()} == counted
    assert {each.version for each in booked.values()} == {1}
    assert not stored.books.read_booked(NOON + HOUR)
    assert list(stored.books.list_entries(NOON + HOUR)) == [entry]
    assert not sum(sum_balances(stored.books.list_entries()).values())


def test_what_is_booked_again_books_nothing(stored: Stored) -> None:
    add(stored.books, grant())
    counted = {CellId(NOON, labels()): DOLLAR}
    book(stored.books, counted)
    assert book(stored.books, counted, NOON + 2 * HOUR) == []
    counted = {CellId(NOON, labels()): 0}
    book(stored.books, counted, NOON + 2 * HOUR)
    assert read_rests(stored.books) == {"start": 10 * DOLLAR}
    assert stored.books.read_booked(NOON)[CellId(NOON, labels())].version == 2


def test_a_booking_of_a_cell_that_has_changed_is_refused_as_a_whole(stored: Stored) -> None:
    add(stored.books, grant())
    cell = CellId(NOON, labels())
    differences = find_differences(stored.books.read_book(), {cell: DOLLAR}, NO_CELLS)
    (stale,) = book_cells(stored.books.read_book(), differences, NOON + 2 * HOUR)
    book(stored.books, {cell: DOLLAR})
    entries = list(stored.books.list_entries())
    with pytest.raises(CreditsChangedError):
        stored.books.commit(stale.entry, (), stale.cells)
    assert read_rests(stored.books) == {"start": 9 * DOLLAR}
    assert list(stored.books.list_entries()) == entries


def test_a_booking_on_a_grant_that_has_changed_is_refused_as_a_whole(stored: Stored) -> None:
    add(stored.books, grant())
    cell = CellId(NOON, labels())
    differences = find_differences(stored.books.read_book(), {cell: DOLLAR}, NO_CELLS)
    (stale,) = book_cells(stored.books.read_book(), differences, NOON + HOUR)
    voiding = void(stored.books.read_book().grants["start"], NOON + HOUR)
    assert voiding is not None
    stored.books.commit(*voiding)
    with pytest.raises(CreditsChangedError):
        stored.books.commit(*stale)
    assert not stored.books.read_booked(NOON)
    assert stored.books.read_book().grants["start"].is_voided
    assert len(list(stored.books.list_entries())) == 2


def test_an_entry_is_written_once(stored: Stored) -> None:
    add(stored.books, grant())
    (entry,) = book(stored.books, {CellId(NOON, labels()): DOLLAR})
    with pytest.raises(CreditsChangedError):
        stored.books.commit(entry, ())


def test_entries_are_listed_in_order_of_booking(stored: Stored) -> None:
    add(stored.books, grant("late", created_at=NOON + 3 * HOUR), grant("early"))
    add(stored.books, grant("middle", created_at=NOON + HOUR))
    names = [entry.id for entry in stored.books.list_entries()]
    assert names == ["grant-early", "grant-middle", "grant-late"]
    found = stored.books.list_entries(NOON + timedelta(minutes=4), NOON + HOUR)
    assert [entry.id for entry in found] == ["grant-early"]
    assert not list(stored.books.list_entries(NOON + HOUR, NOON + HOUR))


def test_times_of_other_zones_are_the_same_times(stored: Stored) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    add(stored.books, grant(created_at=(NOON + HOUR).astimezone(zone)))
    assert len(list(stored.books.list_entries(NOON + HOUR, NOON + 2 * HOUR))) == 1
    cell = CellId(NOON, labels())
    book(stored.books, {cell: DOLLAR})
    assert list(stored.books.read_booked(NOON.astimezone(zone))) == [cell]


def test_a_snapshot_of_a_time_or_the_latest_before_it_is_read(stored: Stored) -> None:
    assert stored.books.read_snapshot(NOON) is None
    add(stored.books, grant())
    balances = sum_balances(stored.books.list_entries())
    first, second = CreditSnapshot(NOON, {}), CreditSnapshot(NOON + HOUR, dict(balances))
    for snapshot in (first, second, second):
        stored.books.write_snapshot(snapshot)
    assert stored.books.read_snapshot(NOON - HOUR) is None
    assert stored.books.read_snapshot(NOON) == first
    assert stored.books.read_snapshot(NOON + 5 * HOUR) == second


def test_no_entry_is_booked_before_the_books_were_closed(stored: Stored) -> None:
    add(stored.books, grant())
    stored.books.close_until(NOON + HOUR)
    stored.books.close_until(NOON)
    late = NOON + HOUR - timedelta(microseconds=1)
    with pytest.raises(BooksClosedError, match="the books of 2026-09-08T12:59:59Z are closed"):
        add(stored.books, grant("late", created_at=late))
    with pytest.raises(BooksClosedError):
        book(stored.books, {CellId(NOON, labels()): DOLLAR}, late)
    assert read_rests(stored.books) == {"start": 10 * DOLLAR}
    assert not stored.books.read_booked(NOON)
    add(stored.books, grant())  # a repeat
    book(stored.books, {CellId(NOON, labels()): DOLLAR}, NOON + HOUR)
    add(stored.books, grant("next", created_at=NOON + HOUR))
    assert read_rests(stored.books) == {"start": 9 * DOLLAR, "next": 10 * DOLLAR}
    assert stored.books.read_snapshot(NOON + 2 * HOUR) is None


def test_a_change_is_refused_as_such_also_where_the_books_are_closed(stored: Stored) -> None:
    add(stored.books, grant())
    stored.books.close_until(NOON + HOUR)
    with pytest.raises(GrantExistsError):
        add(stored.books, grant(picodollars=1))


def count(
    stored: Stored, number: int, *hours: datetime, shard: str = "shard-1", at: datetime = NOON
) -> None:
    cells = {CellKey(CellSpan.HOUR, hour, labels()): UsageTotals(calls=1) for hour in hours}
    sums = Sums(cells, hours=set(hours))
    stored.counters.commit(Chunk(1, shard, number, number, sums, (), at))


def test_hours_are_noted_with_their_cells(stored: Stored) -> None:
    count(stored, 1, NOON + HOUR, NOON, at=NOON + HOUR)
    count(stored, 1, NOON, shard="shard-2", at=NOON + HOUR)
    notes = stored.hours.list_changed()
    assert [(note.hour, note.writer) for note in notes] == [
        *((NOON, "shard-1"), (NOON, "shard-2")),
        (NOON + HOUR, "shard-1"),
    ]
    assert {note.changed_at for note in notes} == {NOON + HOUR}


def test_a_note_is_removed_unless_its_hour_has_changed_since(stored: Stored) -> None:
    count(stored, 1, NOON)
    (seen,) = stored.hours.list_changed()
    count(stored, 2, NOON, at=NOON + HOUR)
    stored.hours.remove(seen)
    (left,) = stored.hours.list_changed()
    assert (left.hour, left.changed_at) == (NOON, NOON + HOUR)
    assert left.token != seen.token
    stored.hours.remove(left)
    stored.hours.remove(left)
    assert not stored.hours.list_changed()


def test_a_recount_notes_hours_too(stored: Stored) -> None:
    stored.counters.commit_recount(1, 1, [], Sums(hours={NOON}), NOON)
    (note,) = stored.hours.list_changed()
    assert note.writer == "recount"


def test_sums_without_hours_write_no_note(stored: Stored) -> None:
    sums = Sums({CellKey(CellSpan.HOUR, NOON, labels()): UsageTotals(cost_picodollars=1)})
    stored.counters.commit(Chunk(1, "shard-1", 1, 1, sums, (), NOON))
    assert not stored.hours.list_changed()


# DynamoDB alone


def get_item(partition: str) -> dict[str, Any]:
    (item,) = query(GOVERNANCE, partition)
    return item


def query(table: str, partition: str) -> list[dict[str, Any]]:
    answer = boto3.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression=f"{PARTITION_KEY} = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
    )
    return [dict(item) for item in answer["Items"]]


def change_item(table: str, partition: str, **changes: dict[str, Any]) -> None:
    for item in query(table, partition):
        boto3.client("dynamodb").put_item(TableName=table, Item=item | changes)


def test_the_largest_booking_fits_one_transaction(dynamodb: Stored) -> None:
    names = [f"grant-{number:02}" for number in range(MAX_GRANTS_OF_AN_ENTRY)]
    scopes = [BudgetScope(project=(name + "x" * 900,)) for name in names]
    for name, scope in zip(names, scopes, strict=True):
        add(dynamodb.books, grant(name, scope=scope))
    cells = [
        CellId(NOON, labels(scopes[number % len(scopes)].project[0])) for number in range(MAX_CELLS)
    ]
    cells = [
        cell._replace(labels=cell.labels._replace(use_case=str(number)))
        for number, cell in enumerate(cells)
    ]
    (entry,) = book(dynamodb.books, dict.fromkeys(cells, DOLLAR))
    assert len(dynamodb.books.read_booked(NOON)) == MAX_CELLS
    assert len(entry.postings) == 2 * len(names)
    with pytest.raises(ValueError, match="more than 100"):
        dynamodb.books.commit(entry, tuple(dynamodb.books.read_book().grants.values()) * 3)


def test_booked_cells_are_deleted_with_the_cells_and_entries_never(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    book(dynamodb.books, {CellId(NOON, labels()): DOLLAR})
    item = get_item(f"credit-cells#{NOON.isoformat(timespec='seconds')}")
    expires_at = datetime.fromtimestamp(int(item[EXPIRES_AT]["N"]), UTC)
    assert expires_at == CellKey(CellSpan.HOUR, NOON, labels()).expires_at
    for partition in (CREDIT_ENTRIES, CREDIT_GRANTS):
        assert all(EXPIRES_AT not in item for item in query(GOVERNANCE, partition))


def test_entries_name_their_kind_and_actor_for_the_audit_trail(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    item = get_item(CREDIT_ENTRIES)
    assert (item["kind"]["S"], item["changed_by"]["S"]) == ("grant", "credit_booker")
    assert item["change_id"]["S"]


def test_the_name_of_a_caller_is_in_no_key(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    book(dynamodb.books, {CellId(NOON, labels()): DOLLAR})
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    assert not [item for item in items if ANA in item[PARTITION_KEY]["S"] + item[SORT_KEY]["S"]]


def test_a_grant_that_cannot_be_read_is_named_beside_the_others(dynamodb: Stored) -> None:
    add(dynamodb.books, grant("damaged"), grant("other"))
    damaged, _ = query(GOVERNANCE, CREDIT_GRANTS)
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=damaged | {CONTENT: {"S": "{"}})
    found = dynamodb.books.read_book()
    assert (list(found.grants), found.unreadable) == (["other"], ("damaged",))
    with pytest.raises(GrantExistsError):
        add(dynamodb.books, grant("damaged"))


def test_a_grant_under_another_name_is_not_taken(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    copied = get_item(CREDIT_GRANTS) | {SORT_KEY: {"S": "grant#forged"}}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=copied)
    assert dynamodb.books.read_book().unreadable == ("forged",)


def test_a_booked_cell_that_cannot_be_read_is_not_booked_again(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    cell = CellId(NOON, labels())
    book(dynamodb.books, {cell: DOLLAR})
    partition = f"credit-cells#{NOON.isoformat(timespec='seconds')}"
    change_item(GOVERNANCE, partition, **{CONTENT: {"S": "[]"}})
    assert not dynamodb.books.read_booked(NOON)
    with pytest.raises(CreditsChangedError):
        book(dynamodb.books, {cell: DOLLAR}, NOON + 2 * HOUR)
    assert read_rests(dynamodb.books) == {"start": 9 * DOLLAR}


def test_an_entry_that_cannot_be_read_is_an_error_that_names_it(dynamodb: Stored) -> None:
    add(dynamodb.books, grant())
    change_item(GOVERNANCE, CREDIT_ENTRIES, **{CONTENT: {"S": "{}"}})
    with pytest.raises(ValueError, match="grant-start of credits cannot be read"):
        list(dynamodb.books.list_entries())


def test_a_snapshot_that_cannot_be_read_is_passed_over(dynamodb: Stored) -> None:
    dynamodb.books.write_snapshot(CreditSnapshot(NOON, {}))
    change_item(GOVERNANCE, "credit-snapshots", **{CONTENT: {"S": "{}"}})
    assert dynamodb.books.read_snapshot(NOON) is None


def test_a_snapshot_that_no_item_can_hold_is_left_out(dynamodb: Stored) -> None:
    large = {Account(AccountKind.USAGE, f"{number}" * 200): 1 for number in range(2000)}
    dynamodb.books.write_snapshot(CreditSnapshot(NOON, large))
    assert dynamodb.books.read_snapshot(NOON) is None


def test_a_note_that_another_version_wrote_is_passed_over(dynamodb: Stored) -> None:
    count(dynamodb, 1, NOON)
    change_item(COUNTERS, CHANGED_HOURS, changed_at={"S": "yesterday"})
    assert not dynamodb.hours.list_changed()


@pytest.mark.parametrize("hour", ["2026-09-08T12:30:00+00:00", "2026-09-08T12:00:00"])
def test_a_note_of_no_whole_hour_of_utc_is_passed_over(dynamodb: Stored, hour: str) -> None:
    count(dynamodb, 1, NOON)
    (item,) = query(COUNTERS, CHANGED_HOURS)
    boto3.client("dynamodb").put_item(
        TableName=COUNTERS, Item=item | {SORT_KEY: {"S": f"{hour}#shard-1"}}
    )
    assert [note.hour for note in dynamodb.hours.list_changed()] == [NOON]


def test_a_note_goes_with_its_hour(dynamodb: Stored) -> None:
    count(dynamodb, 1, NOON)
    (item,) = query(COUNTERS, CHANGED_HOURS)
    assert item[EXPIRES_AT] == {"N": str(int((NOON + timedelta(days=40)).timestamp()))}


class Busy:
    """A client whose transactions are refused for some reasons, then written."""

    def __init__(self, *reasons: str) -> None:
        self._client = boto3.client("dynamodb")
        self.reasons = list(reasons)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        if self.reasons:
            raise self._client.exceptions.TransactionCanceledException(
                {
                    "Error": {"Code": "TransactionCanceledException"},
                    "CancellationReasons": [{"Code": self.reasons.pop()}, {"Code": "None"}],
                },
                "TransactWriteItems",
            )
        return self._client.transact_write_items(**request)


def test_a_busy_table_is_asked_again(dynamodb: Stored) -> None:
    client: Any = Busy("TransactionConflict", "ThrottlingError")
    store = DynamoDbCreditStore(client, GOVERNANCE, lambda _: None)
    add(store, grant())
    assert read_rests(dynamodb.books) == {"start": 10 * DOLLAR}


def test_a_table_that_is_busy_at_every_attempt_is_an_error_of_the_port(dynamodb: Stored) -> None:
    client: Any = Busy(*["TransactionConflict"] * 50)
    store = DynamoDbCreditStore(client, GOVERNANCE, lambda _: None)
    with pytest.raises(CreditsUnavailableError, match="TransactionConflict at every attempt"):
        add(store, grant())
    client.reasons = ["ValidationError"]
    with pytest.raises(ClientError):
        add(store, grant())
    assert read_rests(dynamodb.books) == {}


def test_removing_a_note_that_a_counter_writes_now_leaves_it(dynamodb: Stored) -> None:
    count(dynamodb, 1, NOON)
    (seen,) = dynamodb.hours.list_changed()
    for code, is_raised in (("TransactionConflictException", False), ("ThrottlingException", True)):
        client: Any = Refusing(code)
        hours = DynamoDbChangedHours(client, COUNTERS)
        if is_raised:
            with pytest.raises(ClientError):
                hours.remove(seen)
        else:
            hours.remove(seen)
    assert dynamodb.hours.list_changed() == [seen]


class Refusing:
    """A client that refuses to delete."""

    def __init__(self, code: str) -> None:
        self._code = code

    def delete_item(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": self._code}}, "DeleteItem")
