"""The contract of every store of budgets, run on each of them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore, _make_item, _read_item
from lambdas.domain.budgets import (
    MAX_CHANGES,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    BudgetStore,
    StoredBudget,
    UsageGap,
    write_budget,
)
from lambdas.domain.budgets.governance_table import BUILT_ATTRIBUTES
from tests.budget_store import GOVERNANCE, InMemoryBudgetStore, create_governance_table
from tests.builders import NOON
from tests.unit.budgets.builders import budget, budgets


@pytest.fixture(params=["in memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[BudgetStore]:
    if request.param == "in memory":
        yield InMemoryBudgetStore()
        return
    request.getfixturevalue("aws")
    create_governance_table()
    yield DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)


def write(store: BudgetStore, *made: Budget, delete: tuple[str, ...] = ()) -> BudgetBook:
    return store.write(BudgetChanges(made, delete), store.read().revision)


def test_an_empty_store_has_no_budgets(store: BudgetStore) -> None:
    assert store.read() == BudgetBook(0, {})


def test_a_written_budget_is_building_in_a_new_generation(store: BudgetStore) -> None:
    book = write(store, budget("chat"), budget("search"))
    assert store.read() == book
    assert book.budgets == {
        name: StoredBudget(budget(name), 1, BudgetState.BUILDING) for name in ("chat", "search")
    }


def test_a_budget_becomes_active_once_its_sums_are_complete(store: BudgetStore) -> None:
    write(store, budget("chat"))
    assert store.mark_active("chat", 1)
    assert store.read().budgets["chat"].is_active


def test_a_changed_budget_is_building_again_and_others_stay_active(store: BudgetStore) -> None:
    write(store, budget("chat"), budget("search"))
    for name in ("chat", "search"):
        store.mark_active(name, 1)
    raised = budget("chat", amount=BudgetAmount.from_usd(Decimal(900)))
    book = write(store, raised)
    assert book.budgets["chat"] == StoredBudget(raised, 2, BudgetState.BUILDING)
    assert book.budgets["search"].is_active


def test_an_amended_budget_keeps_its_generation_and_state(store: BudgetStore) -> None:
    write(store, budget("chat"), budget("search"))
    store.announce("chat", 1, NOON)
    store.mark_active("chat", 1)
    before = store.read()
    raised = budget("chat", amount=BudgetAmount.from_usd(Decimal(900)))
    book = store.write(BudgetChanges(amended=(raised,)), 1)
    kept = before.budgets["chat"]
    assert book.revision == 2
    assert book.budgets == before.budgets | {"chat": replace(kept, budget=raised)}
    with pytest.raises(BudgetsChangedError):
        store.write(BudgetChanges(amended=(budget("chat"),)), 1)


def test_a_rebuild_of_an_older_generation_does_not_activate_a_budget(store: BudgetStore) -> None:
    write(store, budget("chat"))
    write(store, budget("chat"))
    assert not store.mark_active("chat", 1)
    assert not store.read().budgets["chat"].is_active
    assert not store.mark_active("missing", 1)
    assert set(store.read().budgets) == {"chat"}


def test_a_budget_is_announced_once_a_generation(store: BudgetStore) -> None:
    write(store, budget("chat"))
    assert store.read().budgets["chat"].announced_at is None
    for minute in range(2):
        assert store.announce("chat", 1, NOON + timedelta(minutes=minute))
    assert store.read().budgets["chat"].announced_at == NOON
    assert not store.announce("missing", 1, NOON)
    write(store, budget("chat"))
    assert not store.announce("chat", 1, NOON)
    assert store.read().budgets["chat"].announced_at is None


def test_a_name_that_is_used_again_gets_a_generation_that_was_never_used(
    store: BudgetStore,
) -> None:
    write(store, budget("chat"))
    assert write(store, delete=("chat",)).budgets == {}
    assert write(store, budget("chat")).budgets["chat"].generation == 3


def test_of_two_writers_the_second_is_refused_and_changes_nothing(store: BudgetStore) -> None:
    revision = store.read().revision
    store.write(BudgetChanges((budget("first"),)), revision)
    with pytest.raises(BudgetsChangedError):
        store.write(BudgetChanges((budget("second"),), ("first",)), revision)
    assert set(store.read().budgets) == {"first"}
    write(store, budget("third"))
    with pytest.raises(BudgetsChangedError):
        store.write(BudgetChanges((budget("second"),)), 1)


def test_as_many_budgets_as_allowed_are_written_at_once(store: BudgetStore) -> None:
    made = [budget(f"budget-{number:02}") for number in range(MAX_CHANGES)]
    assert len(write(store, *made).budgets) == MAX_CHANGES
    assert [stored.budget for stored in store.read()] == made


@given(budgets)
def test_every_budget_is_read_as_it_was_stored(made: Budget) -> None:
    stored = StoredBudget(made, 3, BudgetState.ACTIVE)
    assert _read_item(_make_item(stored)) == stored


@pytest.mark.parametrize(
    ("changes", "problem", "manager"),
    [
        ({"format": {"N": "2"}}, "another version of the meter stored it", "platform"),
        ({"definition": {"S": "{"}}, "Expecting", None),
        ({"definition": {"S": '{"name": "chat"}'}}, "alerts", None),
        ({"definition": {"S": "[]"}}, "indices", None),
        (
            {"definition": {"S": json.dumps(write_budget(budget("other")))}},
            "another name, other",
            "platform",
        ),
        ({"state": {"S": "paused"}}, "paused", "platform"),
    ],
)
def test_an_unreadable_budget_is_named_and_hides_no_other(
    aws: None, changes: Any, problem: str, manager: str | None
) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbBudgetStore(client, GOVERNANCE)
    write(store, budget("chat"), budget("search"))
    client.put_item(
        TableName=GOVERNANCE, Item=_make_item(StoredBudget(budget("chat"), 1)) | changes
    )
    book = store.read()
    assert (book.revision, set(book.budgets)) == (1, {"search"})
    assert problem in book.unreadable["chat"].reason
    assert book.unreadable["chat"].managed_by == manager


def test_a_budget_that_can_be_read_again_is_built_in_a_new_generation(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbBudgetStore(client, GOVERNANCE)
    write(store, budget("chat"))
    store.announce("chat", 1, NOON)
    store.mark_active("chat", 1)
    for minutes in range(2):
        store.mark_interrupted("chat", NOON + timedelta(minutes=minutes))
    interrupted = store.read().budgets["chat"]
    assert (interrupted.interrupted_at, interrupted.is_active) == (NOON, False)
    assert not store.restart("chat", 1, 7)
    assert not store.restart("chat", 2, 1)
    assert store.restart("chat", 1, 1)
    assert store.read() == BudgetBook(2, {"chat": StoredBudget(budget("chat"), 2)})


def test_an_interrupted_budget_can_go_on_with_its_sums_and_a_gap(aws: None) -> None:
    create_governance_table()
    store = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    write(store, budget("chat"))
    store.mark_active("chat", 1)
    store.mark_interrupted("chat", NOON)
    gap = UsageGap(NOON, NOON + timedelta(minutes=7))
    assert not store.resume("chat", 2, gap)
    assert store.resume("chat", 1, gap)
    resumed = StoredBudget(budget("chat"), 1, BudgetState.ACTIVE, gap=gap)
    assert store.read() == BudgetBook(1, {"chat": resumed})
    assert resumed.is_active
    assert store.restart("chat", 1, 1)
    assert store.read() == BudgetBook(2, {"chat": StoredBudget(budget("chat"), 2)})


def test_a_build_changes_no_attribute_that_its_function_may_not_change(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store, changed = DynamoDbBudgetStore(client, GOVERNANCE), set[str]()
    write(store, budget("chat"))
    for act in (
        lambda: store.announce("chat", 1, NOON),
        lambda: store.mark_active("chat", 1),
        lambda: store.mark_interrupted("chat", NOON),
        lambda: store.resume("chat", 1, UsageGap(NOON, NOON)),
        lambda: store.restart("chat", 1, 1),
    ):
        before = client.scan(TableName=GOVERNANCE)["Items"]
        act()
        for old, new in zip(before, client.scan(TableName=GOVERNANCE)["Items"], strict=True):
            changed |= {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    assert changed == set(BUILT_ATTRIBUTES) - {"pk", "sk"}


def test_a_budget_that_was_deleted_does_not_come_back_as_an_interrupted_one(aws: None) -> None:
    create_governance_table()
    store = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    write(store, budget("chat"))
    write(store, delete=("chat",))
    store.mark_interrupted("chat", NOON)
    assert not store.restart("chat", 1, 2)
    assert store.read() == BudgetBook(2, {})


def test_budgets_that_change_while_they_are_read_are_read_again(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbBudgetStore(client, GOVERNANCE)
    write(store, budget("chat"))
    get_item, others = client.get_item, [budget("search"), budget("account")]

    def get_before_others_write(**request: Any) -> Any:
        answer = get_item(**request)
        if others:
            DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE).write(
                BudgetChanges((others.pop(),)), int(answer["Item"]["revision"]["N"])
            )
        return answer

    monkeypatch.setattr(client, "get_item", get_before_others_write)
    book = store.read()
    assert (book.revision, set(book.budgets)) == (3, {"chat", "search", "account"})
    others += [budget("chat")] * 9
    with pytest.raises(BudgetsChangedError):
        store.read()


@pytest.mark.parametrize(
    ("codes", "is_lost"),
    [
        (["TransactionConflict", "None"], True),
        (["ConditionalCheckFailed", "None"], True),
        (["ThrottlingError", "TransactionConflict"], False),
        (["ValidationError"], False),
    ],
)
def test_only_another_writer_counts_as_a_change(
    aws: None, monkeypatch: pytest.MonkeyPatch, codes: list[str], is_lost: bool
) -> None:
    client = boto3.client("dynamodb")

    def refuse(**_: Any) -> None:
        response: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": code} for code in codes],
        }
        raise ClientError(response, "TransactWriteItems")

    monkeypatch.setattr(client, "transact_write_items", refuse)
    with pytest.raises(BudgetsChangedError if is_lost else ClientError):
        DynamoDbBudgetStore(client, GOVERNANCE).write(BudgetChanges((budget(),)), 0)
