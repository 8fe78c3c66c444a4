"""Alerts of credits: each level once, made again from the books after any interruption."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.budget_alerts import AlertNotDeliveredError, DeliveryWay
from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits import (
    BookedCell,
    CellDifference,
    CellId,
    CreditGrant,
    CreditLevel,
    book_cells,
    grant_entry,
    scope_key,
    take_snapshot,
    void,
)
from lambdas.domain.credits.alerts import write_credit_notice
from lambdas.domain.events import EventType
from lambdas.domain.metrics import DataPoint, MetricsUnavailableError, StatisticSet
from lambdas.domain.metrics.catalog import (
    CREDIT_BALANCE,
    CREDIT_BURNED,
    CREDIT_DAYS_LEFT,
    CREDIT_OVERAGE,
    Metric,
)
from lambdas.domain.metrics.credit_metrics import MAX_SCOPES, CreditPublishing
from lambdas.services.send_credit_alerts import RETRY_AFTER, CreditAlertSender
from lambdas.services.watch_credits import CreditWatcher, covers
from tests.builders import ANA, NOON, SONNET_4
from tests.credit_alerts import InMemoryCreditAlerts
from tests.credits import InMemoryCreditStore
from tests.exhausted_scopes import MemoryExhaustedScopes

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/credit-alert.schema.json").read_text())
USD = 10**12
MINUTE = timedelta(minutes=1)
CHAT = BudgetScope(project=("chat",))
URL = "https://console.example.com/credits"


class Publisher:
    """Takes alerts, except in ways that fail."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.details: list[dict[str, Any]] = []
        self.failing: set[DeliveryWay] = set()

    def publish(
        self,
        notice: Notice,
        details: Sequence[dict[str, Any]],
        delivered: Collection[DeliveryWay] = (),
    ) -> None:
        taken = {*delivered}
        if DeliveryWay.EVENT not in taken | self.failing:
            self.details += details
            taken.add(DeliveryWay.EVENT)
        if DeliveryWay.MESSAGE not in taken | self.failing:
            self.notices.append(notice)
            taken.add(DeliveryWay.MESSAGE)
        if self.failing:
            message = "a way failed"
            raise AlertNotDeliveredError(message, taken)


class Sink:
    """Takes data points, unless it fails."""

    def __init__(self) -> None:
        self.points: list[DataPoint] = []
        self.is_failing = False

    def send(self, data_points: Sequence[DataPoint]) -> None:
        if self.is_failing:
            message = "no answer"
            raise MetricsUnavailableError(message)
        self.points += data_points


class Credits:
    """The books of credits with all that watches them."""

    def __init__(self) -> None:
        self.store = InMemoryCreditStore()
        self.alerts = InMemoryCreditAlerts()
        self.exhausted = MemoryExhaustedScopes()
        self.sink = Sink()
        self.publisher = Publisher()
        self.watcher = CreditWatcher(
            store=self.store,
            alerts=self.alerts,
            exhausted=self.exhausted,
            metrics=CreditPublishing(self.sink),
            low_percent=20,
        )
        self.sender = CreditAlertSender(self.alerts, self.publisher, URL)
        self.cells: dict[CellId, BookedCell] = {}

    def grant(self, name: str, usd: int, scope: BudgetScope = CHAT, **changes: Any) -> None:
        grant = CreditGrant(
            id=name,
            picodollars=usd * USD,
            scope=scope,
            effective_from=NOON,
            created_at=NOON,
        )
        booking = grant_entry(replace(grant, **changes))
        self.store.add_grant(booking.grants[0], booking.entry)

    def use(self, usd: float, at: datetime = NOON, project: str = "chat") -> None:
        """Book usage so that the cell of the project has a cost."""
        cell = CellId(NOON, LABELS._replace(project=project))
        difference = CellDifference(self.cells.get(cell, BookedCell(id=cell)), int(usd * USD))
        for booking in book_cells(self.store.read_book(), [difference], at):
            self.store.commit(*booking)
            self.cells |= {each.id: each for each in booking.cells}

    def run(self, at: datetime = NOON) -> Any:
        report = self.watcher.watch(at)
        self.sender.send(at)
        return report

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for notice in self.publisher.notices]


LABELS = UsageLabels(
    project="chat",
    department="",
    use_case="",
    identity_arn=ANA,
    model_id=SONNET_4,
    region="us-east-1",
    provider="anthropic",
    service_tier="default",
)


@pytest.fixture
def books() -> Credits:
    return Credits()


def test_each_level_is_sent_once(books: Credits) -> None:
    books.grant("june", 10)
    books.use(7.9)
    books.run()
    assert books.subjects == []
    for minute in range(3):
        books.use(8, NOON + minute * MINUTE)
        books.run(NOON + minute * MINUTE)
    assert books.subjects == ["Bedrock credits low: project chat"]
    for minute in range(3, 6):
        books.use(10.5, NOON + minute * MINUTE)
        books.run(NOON + minute * MINUTE)
    assert books.subjects[1:] == ["Bedrock credits exhausted: project chat"]
    for detail in books.publisher.details:
        Draft202012Validator(SCHEMA).validate(detail)
    low, exhausted = books.publisher.details
    assert (low["balance_usd"], low["overage_usd"], low["grants"][0]["id"]) == ("2", "0", "june")
    assert (exhausted["balance_usd"], exhausted["overage_usd"]) == ("0", "0.5")
    assert low["id"] != exhausted["id"]


def test_usage_that_jumps_over_the_mark_is_only_exhausted(books: Credits) -> None:
    books.grant("june", 10)
    books.use(11)
    books.run()
    assert books.subjects == ["Bedrock credits exhausted: project chat"]


def test_a_new_grant_makes_the_next_alert_a_new_one(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    books.run()
    books.grant("july", 100)
    books.run(NOON + MINUTE)
    assert books.alerts.list_alerts() == []
    books.use(105, NOON + 2 * MINUTE)
    books.run(NOON + 2 * MINUTE)
    assert books.subjects == ["Bedrock credits low: project chat"] * 2
    first, second = (detail["id"] for detail in books.publisher.details)
    assert first != second


def test_an_alert_is_the_same_event_for_webhooks(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    books.run()
    (notice,), (detail,) = books.publisher.notices, books.publisher.details
    (event,) = notice.events
    assert (event.id, event.type) == (detail["id"], EventType.CREDITS_LOW)
    assert event.scope == {"project": ("chat",)}
    assert event.detail == {**detail, "dashboard_url": URL}
    assert "Balance: $1" in notice.text
    assert "docs/runbooks/CreditsLow.md" in notice.text


def test_an_alert_that_one_way_has_not_taken_is_sent_that_way_alone(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    books.publisher.failing = {DeliveryWay.EVENT}
    books.watcher.watch(NOON)
    report = books.sender.send(NOON)
    assert report.failures == ("a way failed",)
    assert (len(books.publisher.notices), len(books.publisher.details)) == (1, 0)
    books.publisher.failing = set()
    books.run(NOON + RETRY_AFTER - timedelta(seconds=1))
    assert books.publisher.details == []
    books.run(NOON + RETRY_AFTER)
    books.run(NOON + 2 * RETRY_AFTER)
    assert (len(books.publisher.notices), len(books.publisher.details)) == (1, 1)


def test_a_run_that_ends_after_an_alert_is_stored_loses_none(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    assert books.watcher.watch(NOON).alerts == 1
    assert books.watcher.watch(NOON + MINUTE).alerts == 0
    assert books.sender.send(NOON + MINUTE).sent == 1
    assert books.sender.send(NOON + 2 * MINUTE).sent == 0


def test_a_worse_level_replaces_an_alert_that_is_not_sent(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    books.watcher.watch(NOON)
    (low,) = books.alerts.list_alerts()
    books.use(10, NOON + MINUTE)
    books.watcher.watch(NOON + MINUTE)
    books.alerts.mark_sent(low)  # a run that was slower
    assert books.sender.send(NOON + MINUTE).sent == 1
    assert books.subjects == ["Bedrock credits exhausted: project chat"]


def test_an_unreadable_alert_is_made_again_and_reported(books: Credits) -> None:
    books.grant("june", 10)
    books.use(9)
    books.alerts.unreadable = ["damaged"]
    assert books.run().removed == ("damaged",)
    assert books.run(NOON + MINUTE).removed == ()
    assert len(books.subjects) == 1


def test_exhausted_scopes_are_stored_until_there_is_credit(books: Credits) -> None:
    books.grant("june", 10)
    books.use(10)
    books.run()
    books.run(NOON + MINUTE)
    (found,) = books.exhausted.list_exhausted()
    assert (found.scope, found.since) == (CHAT, NOON)
    assert found.because == "grant june is used up or ended"
    books.grant("july", 1)
    books.run(NOON + 2 * MINUTE)
    assert books.exhausted.list_exhausted() == []


def test_a_wider_grant_that_can_pay_keeps_a_scope_from_being_exhausted(books: Credits) -> None:
    books.grant("june", 10)
    books.grant("all", 5, BudgetScope(), priority=90)
    books.use(10)
    books.run()
    assert books.subjects == ["Bedrock credits exhausted: project chat"]
    assert books.exhausted.list_exhausted() == []
    books.use(15, NOON + MINUTE)
    books.run(NOON + MINUTE)
    assert {found.scope for found in books.exhausted.list_exhausted()} == {CHAT, BudgetScope()}


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (BudgetScope(), CHAT, True),
        (CHAT, BudgetScope(), False),
        (BudgetScope(project=("chat", "bot")), CHAT, True),
        (CHAT, BudgetScope(project=("chat", "bot")), False),
        (CHAT, BudgetScope(project=("chat",), region=("eu-west-1",)), True),
        (BudgetScope(region=("eu-west-1",)), CHAT, False),
    ],
)
def test_a_scope_covers_another_if_each_condition_does(
    wide: BudgetScope, narrow: BudgetScope, expected: bool
) -> None:
    assert covers(wide, narrow) is expected


def test_voiding_all_grants_of_a_scope_ends_its_alert(books: Credits) -> None:
    books.grant("june", 10)
    books.use(10)
    books.run()
    booking = void(books.store.read_book().grants["june"], NOON + MINUTE)
    assert booking is not None
    books.store.commit(*booking)
    books.run(NOON + MINUTE)
    assert books.alerts.list_alerts() == []
    assert books.exhausted.list_exhausted() == []


def test_everything_stays_while_a_grant_cannot_be_read(books: Credits) -> None:
    books.grant("june", 10)
    books.use(10)
    books.run()
    whole = books.store.read_book()

    class Damaged(InMemoryCreditStore):
        def read_book(self) -> Any:
            return replace(whole, grants={}, unreadable=("june",))

    watcher = replace(books.watcher, store=Damaged())
    assert watcher.watch(NOON + MINUTE).alerts == 0
    assert [found.scope for found in books.exhausted.list_exhausted()] == [CHAT]
    assert len(books.alerts.list_alerts()) == 1


def test_a_grant_without_an_entry_is_reported(books: Credits) -> None:
    books.grant("june", 10)
    balance = books.store.read_book().grants["june"]
    books.store.grants["june"] = replace(balance, picodollars=1000 * USD)
    books.store.grants["forged"] = replace(balance, grant=replace(balance.grant, id="forged"))
    assert books.run().differing == ("forged", "june")


def test_a_deleted_grant_is_reported(books: Credits) -> None:
    books.grant("june", 10)
    del books.store.grants["june"]
    assert books.run().differing == ("june",)


def test_books_that_were_written_by_the_rules_are_not_reported(books: Credits) -> None:
    books.grant("june", 10)
    books.use(7)
    assert books.run().differing == ()


def test_metrics_are_published_once_in_five_minutes(books: Credits) -> None:
    books.grant("june", 10)
    books.use(3)
    for minute in range(5):
        books.run(NOON + minute * MINUTE)
    values = read_values(books.sink.points)
    assert len(books.sink.points) == 4
    assert float(values.pop(CREDIT_DAYS_LEFT)) == 2.3
    assert values == {CREDIT_BALANCE: 7, CREDIT_BURNED: 3, CREDIT_OVERAGE: 0}
    books.use(4, NOON + 5 * MINUTE)
    books.run(NOON + 5 * MINUTE)
    later = read_values(books.sink.points[4:])
    assert (later[CREDIT_BALANCE], later[CREDIT_BURNED]) == (6, 4)
    assert {point.dimensions for point in books.sink.points} == {(("CreditScope", "project chat"),)}


def test_an_alert_has_the_usage_that_caused_it(books: Credits) -> None:
    books.grant("june", 100)
    books.use(85)
    books.run()
    assert "Usage: $85.00 in the last 24 hours" in books.publisher.notices[0].text
    assert books.publisher.details[0]["days_left"] == "0.2"


def test_entries_are_read_once_and_summed_for_a_week(books: Credits) -> None:
    """Long after, only entries since the last reading are read, and sums stay exact."""
    books.grant("june", 1000)
    read, starts = books.store.list_entries, list[datetime | None]()

    def list_and_note(start: datetime | None = None, end: datetime | None = None) -> Any:
        starts.append(start)
        return read(start, end)

    books.store.list_entries = list_and_note  # type: ignore[method-assign]
    usd = 0.0
    for hours in range(0, 24 * 9, 6):
        at = NOON + timedelta(hours=hours)
        usd += 2
        books.use(usd, at)
        books.sink.points.clear()
        assert books.run(at).differing == ()
    values = read_values(books.sink.points)
    assert (values[CREDIT_BALANCE], values[CREDIT_BURNED]) == (1000 - usd, 8)
    assert float(values[CREDIT_DAYS_LEFT]) == pytest.approx((1000 - usd) / 8, abs=0.1)
    assert starts[0] is None
    assert None not in starts[1:]


def test_entries_are_summed_from_a_snapshot_on(books: Credits) -> None:
    books.grant("june", 10)
    books.use(3, NOON + MINUTE)
    at = NOON + timedelta(hours=2)
    books.store.write_snapshot(take_snapshot(books.store.list_entries(), NOON + timedelta(hours=1)))
    books.use(15, at)
    books.run(at)
    values = read_values(books.sink.points)
    assert (values[CREDIT_BALANCE], values[CREDIT_BURNED], values[CREDIT_OVERAGE]) == (0, 10, 5)


def test_a_reading_that_fails_begins_anew(books: Credits) -> None:
    books.grant("june", 10)
    books.use(3)
    read = books.store.list_entries

    def fail_at_the_end(start: datetime | None = None, end: datetime | None = None) -> Any:
        yield from read(start, end)
        message = "the entry 1 of credits cannot be read"
        raise ValueError(message)

    later = NOON + timedelta(hours=1)
    books.store.list_entries = fail_at_the_end  # type: ignore[method-assign]
    assert books.run(later).unreadable is not None
    books.store.list_entries = read  # type: ignore[method-assign]
    report = books.run(later)
    assert (report.unreadable, report.differing) == (None, ())
    assert read_values(books.sink.points)[CREDIT_BURNED] == 3


def read_values(points: Sequence[DataPoint]) -> dict[Metric, Any]:
    values = dict[Metric, Any]()
    for point in points:
        assert isinstance(point.values, StatisticSet)
        values[point.metric] = point.values.sum
    return values


def test_metrics_that_are_not_taken_are_due_again(books: Credits) -> None:
    books.grant("june", 10)
    books.sink.is_failing = True
    assert books.run().unpublished == "no answer"
    books.sink.is_failing = False
    assert books.run(NOON + MINUTE).unpublished is None
    assert books.sink.points


def test_the_scopes_with_the_oldest_grants_have_metrics(books: Credits) -> None:
    for number in range(MAX_SCOPES + 5):
        created_at = NOON - number * timedelta(hours=1)
        scope = BudgetScope(project=(f"p{number:02}",))
        books.grant(f"g{number}", 1, scope, created_at=created_at, effective_from=created_at)
    books.run()
    shown = {dict(point.dimensions)["CreditScope"] for point in books.sink.points}
    assert shown == {f"project p{number:02}" for number in range(5, MAX_SCOPES + 5)}


def test_names_of_callers_do_not_break_messages(books: Credits) -> None:
    scope = BudgetScope(project=("https://evil.example.com/\u202e" + "x" * 500,))
    books.grant("june", 10, scope)
    books.watcher.watch(NOON)
    books.use(10, project=scope.project[0])
    books.run()
    (notice,) = books.publisher.notices
    assert len(notice.subject) <= 100
    assert notice.subject.isascii()
    assert "\u202e" not in notice.text
    assert "https://evil" not in notice.text.replace(URL, "")


def test_an_alert_that_cannot_be_written_stops_no_other(books: Credits) -> None:
    books.grant("june", 10)
    books.grant("bot", 10, BudgetScope(project=("bot",)))
    books.use(10)
    books.use(10, project="bot")
    books.watcher.watch(NOON)
    key = scope_key(BudgetScope(project=("bot",)))
    books.alerts.stored[key] = replace(books.alerts.stored[key], detail={})
    report = books.sender.send(NOON)
    assert (report.sent, [type(error) for error in report.errors]) == (1, [KeyError])


def test_a_message_says_how_much_is_left_of_many_grants(books: Credits) -> None:
    for number in range(25):
        books.grant(f"g{number:02}", 1, expires_at=NOON + timedelta(days=number + 1))
    books.use(24.9)
    books.run()
    (detail,) = books.publisher.details
    text = write_credit_notice(detail, URL).text
    assert (len(detail["grants"]), detail["more_grants"]) == (20, 5)
    assert "- and 5 more grants" in text
    assert "expires 2026-" in text
    Draft202012Validator(SCHEMA).validate(detail)
    assert books.alerts.list_alerts()[0].alert.level is CreditLevel.LOW
