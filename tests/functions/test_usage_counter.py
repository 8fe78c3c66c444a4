"""`usage_counter` and `usage_recounter`: from the ledger to the table of counters."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from pydantic import ValidationError

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.budgets import BudgetChanges
from lambdas.domain.counters import CellSpan, UsageTotals
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import join
from lambdas.domain.runs import is_after_counting
from lambdas.functions.usage_counter import handler
from lambdas.functions.usage_counter.settings import Settings
from lambdas.functions.usage_recounter import handler as recounter
from lambdas.services import recount_usage
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import LEDGER, STATE, clear_caches, lambda_context, take_starts
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, SONNET_4, usage_record
from tests.unit.budgets.builders import budget

CONTEXT = lambda_context(120_000)
NOW = datetime.now(UTC).replace(microsecond=0)
SHARD = "shardId-00000001732000000000-0a1b2c3d"
NEEDED = {
    "ACCOUNT_ID": "111122223333",
    "STATE_TABLE": STATE,
    "LEDGER_TABLE": LEDGER,
    "COUNTER_TABLE": COUNTERS,
    "GOVERNANCE_TABLE": GOVERNANCE,
    "STACK_ID": "stack",
    "EVALUATOR_NAME": "evaluator",
}
RETENTION = timedelta(days=90)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table()
    create_governance_table()
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def change(number: int, record: UsageRecord, before: UsageRecord | None = None) -> dict[str, Any]:
    images = {"NewImage": to_item(record, RETENTION)}
    if before is not None:
        images["OldImage"] = to_item(before, RETENTION)
    return {
        "eventName": "INSERT" if before is None else "MODIFY",
        "dynamodb": images
        | {
            "SequenceNumber": f"{number:021}",
            "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
        },
    }


def window(*records: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An event of a tumbling window, as it is documented."""
    return {
        "Records": list(records),
        "shardId": SHARD,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:111122223333:table/ledger/stream/2026",
        "window": {"start": "2026-09-08T12:00:00Z", "end": "2026-09-08T12:00:05Z"},
        "state": {},
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    } | changes


def call(number: int, **changes: Any) -> UsageRecord:
    return usage_record(request_id=str(number), timestamp=NOW, **changes)


def store() -> DynamoDbUsageCounters:
    return DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER)


def day_totals() -> UsageTotals:
    """The sum of today's cells."""
    state = store().read_state()
    assert state is not None
    start = CellSpan.DAY.get_start(NOW)
    cells = store().read_cells(state.generation, CellSpan.DAY, start, start + timedelta(days=1))
    return sum((cell.totals for cell in cells), UsageTotals.ZERO)


ANSWER: dict[str, Any] = {"state": {}, "batchItemFailures": []}


def test_new_calls_and_corrections_are_counted_once() -> None:
    more = join(call(1), call(1, tokens=TokenCounts(100, 5)))
    batch = window(change(1, call(1)), change(2, call(2)), change(3, more, call(1)))
    for _ in range(3):
        assert handler.lambda_handler(batch, CONTEXT) == ANSWER
    totals = day_totals()
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == (2, 110, 10)
    assert totals.cost_picodollars > 0


def test_the_end_of_a_window_counts_nothing() -> None:
    end = window(isFinalInvokeForWindow=True)
    assert handler.lambda_handler(end, CONTEXT) == ANSWER
    assert handler.lambda_handler(window(isWindowTerminatedEarly=True), CONTEXT) == ANSWER


def test_budgets_are_evaluated_after_a_batch_and_at_the_end_of_its_window() -> None:
    started = take_starts()
    budgets = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    handler.lambda_handler(window(change(1, call(1))), CONTEXT)
    assert started == []  # there is no budget
    book = budgets.write(BudgetChanges((budget("account"),)), 0)
    budgets.mark_active("account", book.revision)
    clear_caches()
    handler.lambda_handler(window(change(1, call(1))), CONTEXT)
    assert started == []  # nothing is new
    assert handler.lambda_handler(window(change(2, call(2))), CONTEXT) == ANSWER
    answers = [
        handler.lambda_handler(window(change(number, call(number))), CONTEXT)
        for number in range(3, 6)
    ]
    state = answers[-1]["state"]
    end = window(isFinalInvokeForWindow=True, state=state)
    assert handler.lambda_handler(end, CONTEXT) == ANSWER
    assert 2 <= len(started) <= 3  # ten seconds may end between two batches
    assert {request["path"].split("/")[-2] for request in started} == {"evaluator"}
    assert {is_after_counting(json.loads(request["event"])) for request in started} == {True}


def test_a_start_that_is_refused_fails_no_batch(caplog: pytest.LogCaptureFixture) -> None:
    budgets = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    budgets.mark_active("account", budgets.write(BudgetChanges((budget("account"),)), 0).revision)
    answer = handler.lambda_handler(window(change(1, call(1))), CONTEXT)
    assert answer["batchItemFailures"] == []
    assert day_totals().calls == 1
    assert any("was not started" in line for line in caplog.messages)


@pytest.mark.parametrize("event", [{"Records": []}, {"Records": [], "shardId": ""}])
def test_an_event_without_a_shard_is_an_error_that_says_what_to_do(event: dict[str, Any]) -> None:
    with pytest.raises(handler.ShardMissingError, match=r"TumblingWindowInSeconds.*make deploy"):
        handler.lambda_handler(event, CONTEXT)


def test_calls_that_there_is_no_time_for_come_again() -> None:
    batch = window(change(1, call(1)), change(2, call(2)))
    answer = handler.lambda_handler(batch, lambda_context(1_000))
    assert answer == {"state": {}, "batchItemFailures": [{"itemIdentifier": f"{1:021}"}]}


def test_poison_records_are_left_out_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    poison = change(2, call(2))
    poison["dynamodb"]["NewImage"] = {"pk": {"S": "no call"}}
    with caplog.at_level(logging.INFO):
        answer = handler.lambda_handler(
            window(change(1, call(1)), poison, change(3, call(3))), CONTEXT
        )
    assert answer == ANSWER
    assert day_totals().calls == 2
    (line,) = [record for record in caplog.records if "not counted" in record.message]
    assert vars(line)["tampered"] == 1


def test_calls_that_the_ledger_had_before_are_counted_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recount_usage, "ANNOUNCEMENT", timedelta(0))
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION).write([call(1), call(2)])
    handler.lambda_handler(window(change(7, call(2))), CONTEXT)
    assert day_totals().calls == 1
    answer = recounter.lambda_handler({}, CONTEXT)
    assert answer["looked_at"] == 1
    assert answer["incomplete_since"] is None
    assert not answer["is_recounting"]
    assert day_totals().calls == 2
    assert recounter.lambda_handler({}, CONTEXT)["looked_at"] == 0


def test_a_first_count_says_since_when_figures_are_incomplete() -> None:
    answer = recounter.lambda_handler({}, CONTEXT)
    assert answer["is_recounting"]
    assert answer["generation"] == 1
    assert datetime.fromisoformat(answer["incomplete_since"]) >= NOW


def test_other_contracted_prices_count_all_calls_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Settings.from_environment(NEEDED).deployed
    price = f'[{{"model": "{SONNET_4}", "effective_from": "2026-01-01", "discount_percent": 7}}]'
    contracted = Settings.from_environment(NEEDED | {"CONTRACTED_PRICES": price})
    assert contracted.deployed != before
    assert Settings.from_environment(NEEDED | {"CELL_MINUTES": "15"}).deployed != before
    assert Settings.from_environment(NEEDED | {"STACK_ID": "another"}).deployed == before
    clear_caches()


@pytest.mark.parametrize(("name", "value"), [("CELL_MINUTES", "30"), ("COUNTER_TABLE", "x")])
def test_wrong_settings_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings.from_environment(NEEDED | {name: value})


def test_cells_of_one_identity_hold_its_calls_alone() -> None:
    other = call(2, identity_arn="arn:aws:iam::111122223333:user/ben")
    handler.lambda_handler(window(change(1, call(1)), change(2, other)), CONTEXT)
    start = CellSpan.HOUR.get_start(NOW)
    cells = list(
        store().read_identity_cells(1, ANA, CellSpan.HOUR, start, start + timedelta(hours=1))
    )
    assert [cell.totals.calls for cell in cells] == [1]


def test_an_operator_can_have_all_calls_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recount_usage, "ANNOUNCEMENT", timedelta(0))
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION).write([call(1)])
    recounter.lambda_handler({}, CONTEXT)
    assert day_totals().calls == 1
    answer = recounter.lambda_handler({"count_again": True}, CONTEXT)
    assert (answer["generation"], answer["is_recounting"]) == (2, True)
    assert day_totals() == UsageTotals.ZERO
    recounter.lambda_handler({}, CONTEXT)
    assert day_totals().calls == 1


def test_a_redriven_batch_that_the_stream_has_passed_is_counted_once() -> None:
    given_up_at = (NOW - timedelta(hours=23)).timestamp()
    first, missed, later = (change(number, call(number)) for number in (1, 2, 3))
    for each in (first, missed):
        each["dynamodb"]["ApproximateCreationDateTime"] = given_up_at
    for batch in (first, later, missed, missed):
        answer = handler.lambda_handler(window(batch), CONTEXT)
        assert answer["batchItemFailures"] == []
    store = DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER)
    start = CellSpan.DAY.get_start(NOW)
    cells = store.read_cells(1, CellSpan.DAY, start, start + timedelta(days=1))
    assert sum(cell.totals.calls for cell in cells) == 3


def list_noted() -> list[tuple[datetime, str]]:
    notes = DynamoDbChangedHours(boto3.client("dynamodb"), COUNTERS).list_changed()
    return [(note.hour, note.writer) for note in notes]


def test_hours_are_noted_with_credits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    handler.lambda_handler(window(change(1, call(1))), CONTEXT)
    assert list_noted() == []
    clear_caches()
    monkeypatch.setenv("CREDITS", "true")
    hour = CellSpan.HOUR.get_start(NOW)
    failed = call(3)._replace(error_code="ThrottlingException")
    handler.lambda_handler(window(change(2, failed)), CONTEXT)
    assert list_noted() == []  # it costs nothing
    handler.lambda_handler(window(change(3, call(2))), CONTEXT)
    assert list_noted() == [(hour, SHARD)]


def test_a_recount_notes_the_hours_whose_cost_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITS", "true")
    monkeypatch.setattr(recount_usage, "ANNOUNCEMENT", timedelta(0))
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION).write([call(1)])
    recounter.lambda_handler({}, CONTEXT)
    recounter.lambda_handler({}, CONTEXT)
    assert list_noted() == [(CellSpan.HOUR.get_start(NOW), "recount")]
