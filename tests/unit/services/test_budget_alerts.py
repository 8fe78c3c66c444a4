"""Budgets are evaluated after each addition, and their alerts sent once."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import (
    NO_VALUE,
    AlertDetail,
    AlertNotDeliveredError,
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetScope,
    BudgetStatus,
    BudgetSubject,
    DayPeriods,
    RollingHours,
    accumulate,
)
from lambdas.domain.counters import UsageChange, UsageTotals
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator, EvaluatedValue
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from tests.budget_store import InMemoryAlertStore, InMemoryBudgetStore
from tests.builders import ANA, BEN, NOON
from tests.unit.budgets.builders import budget, change

DAILY = DayPeriods("UTC")
TEN_DOLLARS = BudgetAmount.from_usd(Decimal(10))


class InMemorySums:
    """Sums of budgets by name."""

    def __init__(self) -> None:
        self.totals: dict[str, UsageTotals] = {}

    def read_accumulators(self, names: Collection[str]) -> Mapping[str, UsageTotals]:
        return {name: self.totals[name] for name in names if name in self.totals}


class NoDetails:
    """Adds nothing but a mark of completeness."""

    def add_to(self, status: BudgetStatus) -> BudgetStatus:
        return replace(status, incomplete_since=NOON)


class Inbox:
    """Collects messages, and refuses them while it is closed."""

    def __init__(self) -> None:
        self.received: list[tuple[Notice, AlertDetail]] = []
        self.closed_for: set[str] = set()

    def publish(self, notice: Notice, detail: AlertDetail) -> None:
        if detail["budget"]["name"] in self.closed_for:
            raise AlertNotDeliveredError(detail["budget"]["name"])
        self.received.append((notice, detail))


class Governed:
    """A meter with budgets, from the addition of usage to the message."""

    def __init__(self, *made: Budget) -> None:
        self.budgets, self.sums = InMemoryBudgetStore(), InMemorySums()
        self.alerts, self.inbox = InMemoryAlertStore(), Inbox()
        self.evaluator = BudgetEvaluator(self.budgets, self.sums, self.alerts, NoDetails())
        self.sender = BudgetAlertSender(self.alerts, self.inbox, "https://example")
        self.apply(*made)

    def apply(self, *made: Budget, is_built: bool = True) -> None:
        book = self.budgets.write(BudgetChanges(made), self.budgets.read().revision)
        for each in made:
            if is_built:
                self.budgets.mark_active(each.name, book.revision)

    def count(self, *changes: UsageChange) -> BudgetEvaluation:
        now = max(each.minute for each in changes)
        touched = set()
        for key, totals in accumulate(changes, list(self.budgets.read())).items():
            self.sums.totals[key.name] = self.sums.totals.get(key.name, UsageTotals.ZERO) + totals
            touched.add(EvaluatedValue(key.budget, key.value))
        return self.evaluator.evaluate(touched, now)

    def send(self) -> list[str]:
        before = len(self.inbox.received)
        self.sender.send(NOON)
        return [notice.subject for notice, _ in self.inbox.received[before:]]


def daily(name: str = "daily", **changes: object) -> Budget:
    return budget(name, amount=TEN_DOLLARS, periods=DAILY, **changes)


def test_thresholds_reached_together_are_one_message() -> None:
    governed = Governed(daily())
    assert governed.count(change(9)) == BudgetEvaluation(evaluated=1, alerts=2)
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]
    ((_, detail),) = governed.inbox.received
    assert [entry["percent"] for entry in detail["crossings"]] == ["50", "80"]
    assert detail["incomplete_since"] is not None


def test_each_threshold_is_sent_once_a_day() -> None:
    governed = Governed(daily())
    for _ in range(12):
        governed.count(change(1))
    assert governed.send() == ["Bedrock budget daily: 100 % reached"]
    governed.count(change(50))
    assert governed.send() == []
    governed.count(change(6, NOON + timedelta(days=1)))
    assert governed.send() == ["Bedrock budget daily: 50 % reached"]


def test_a_late_record_changes_the_past_and_does_not_alert_today() -> None:
    governed = Governed(daily())
    governed.count(change(1), change(100, NOON - timedelta(days=1)))
    assert governed.send() == []


def test_a_building_budget_alerts_once_it_is_active() -> None:
    governed = Governed()
    governed.apply(daily(), is_built=False)
    assert governed.count(change(9)).evaluated == 0
    governed.budgets.mark_active("daily", governed.budgets.read().revision)
    governed.count(change(0.5))
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]


def test_a_raised_budget_counts_from_its_own_sums_and_can_alert_again() -> None:
    governed = Governed(daily())
    governed.count(change(9))
    governed.send()
    governed.apply(replace(daily(), amount=BudgetAmount.from_usd(Decimal(20))))
    assert governed.count(change(9)).alerts == 0
    governed.count(change(9))
    assert governed.send() == ["Bedrock budget daily: 80 % reached"]


def test_a_default_budget_alerts_for_each_value_but_not_for_those_with_their_own() -> None:
    governed = Governed(
        daily("each", per=BudgetSubject.IDENTITY),
        budget(
            "bens",
            amount=BudgetAmount.from_usd(Decimal(1000)),
            periods=DAILY,
            scope=BudgetScope(identity=(BEN,)),
        ),
    )
    governed.count(change(6, identity_arn=ANA), change(60, identity_arn=BEN))
    governed.send()
    ((_, detail),) = governed.inbox.received
    assert detail["budget"]["value"] == ANA


def test_a_window_adds_up_its_hours() -> None:
    governed = Governed(budget("window", amount=TEN_DOLLARS, periods=RollingHours(3)))
    for hour in range(5):
        governed.count(change(2, NOON + timedelta(hours=hour)))
    assert governed.send() == ["Bedrock budget window: 50 % reached"]


def test_a_message_that_fails_stops_no_other_and_is_sent_later() -> None:
    governed = Governed(daily("first"), daily("second"))
    governed.count(change(6))
    governed.inbox.closed_for = {"first"}
    assert governed.sender.send(NOON) == SendReport(1, ("first",))
    governed.inbox.closed_for = set()
    assert governed.send() == ["Bedrock budget first: 50 % reached"]
    assert governed.send() == []


def test_a_sender_that_stops_after_publishing_repeats_the_same_ids() -> None:
    governed = Governed(daily())
    governed.count(change(6))
    due = dict(governed.alerts.alerts)
    governed.send()
    governed.alerts.alerts = due
    governed.send()
    first, second = (detail["alert_ids"] for _, detail in governed.inbox.received)
    assert first == second


def test_a_deleted_budget_is_left_out() -> None:
    governed = Governed(daily())
    governed.budgets.write(BudgetChanges((), ("daily",)), governed.budgets.read().revision)
    values = [EvaluatedValue("daily", NO_VALUE)]
    assert governed.evaluator.evaluate(values, NOON) == BudgetEvaluation(0, 0)
