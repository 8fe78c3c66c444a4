"""Each threshold alerts once a period, and none is lost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdas.domain.budgets import (
    BudgetAmount,
    BudgetScope,
    BudgetState,
    BudgetStatus,
    BudgetSubject,
    BudgetThresholds,
    DayPeriods,
    RollingHours,
    find_drivers,
)
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.budgets.budget_alerts import (
    AlertKey,
    ThresholdKind,
    find_crossings,
    make_alerts,
)
from lambdas.domain.budgets.status import UsageDriver
from lambdas.domain.counters import UsageTotals
from lambdas.domain.scope_field import ScopeField
from tests.budget_store import InMemoryAlertStore
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.unit.budgets.builders import DOLLAR, MONTHLY, budget, change, stored, usage

DAY = timedelta(days=1)


@dataclass(frozen=True)
class FixedForecast:
    """A forecast with one probability.

    Attributes:
        amount: The expected usage from now to the end of the period.
        probability: The probability of more than any amount.
        calibrated_at: The time of its calibration; `None` for the shipped errors.
    """

    amount: int = 0
    probability: float = 0.0
    calibrated_at: datetime | None = None

    def probability_of_exceeding(self, amount_left: int) -> float:  # noqa: ARG002  # of any
        return self.probability

    def get_interval(self, _: int) -> tuple[int, int]:
        return self.amount, self.amount

    def exhausted_at(self, amount_left: int) -> datetime | None:
        return NOON + DAY if self.amount > amount_left else None


def status(dollars: float = 0, **changes: Any) -> BudgetStatus:
    """The status of a budget of $100 a month, but for the changes."""
    defaults: dict[str, Any] = {
        "stored": stored(budget()),
        "period": MONTHLY.period_at(NOON),
        "totals": usage(dollars),
    }
    return BudgetStatus(**defaults | changes)


def percents(found: list[AlertKey]) -> list[tuple[str, int]]:
    return [(key.kind.value, int(key.percent)) for key in found]


@pytest.mark.parametrize(
    ("dollars", "reached"),
    [(49.99, []), (50, [50]), (99, [50, 80]), (100, [50, 80, 100]), (1000, [50, 80, 100])],
)
def test_every_threshold_up_to_the_usage_is_reached(dollars: float, reached: list[int]) -> None:
    found = percents(find_crossings(status(dollars), NOON))
    assert found == [("actual", percent) for percent in reached]


def test_a_building_budget_never_alerts() -> None:
    building = stored(budget(), state=BudgetState.BUILDING)
    assert find_crossings(status(1000, stored=building), NOON) == []


def test_late_records_of_a_past_period_do_not_alert() -> None:
    last_month = MONTHLY.period_at(NOON - 30 * DAY)
    assert find_crossings(status(1000, period=last_month), NOON) == []


@pytest.mark.parametrize(("probability", "is_reached"), [(0.79, False), (0.8, True), (1.0, True)])
def test_a_forecast_alerts_from_its_probability_on(probability: float, is_reached: bool) -> None:
    found = find_crossings(status(10, forecast=FixedForecast(0, probability)), NOON)
    assert percents(found) == ([("forecast", 100)] if is_reached else [])


@dataclass(frozen=True)
class CertainForecast(FixedForecast):
    """A forecast of exactly its amount."""

    def probability_of_exceeding(self, amount_left: int) -> float:
        return float(self.amount > amount_left)


@pytest.mark.parametrize(
    ("dollars", "reached"), [(69, []), (71, [80]), (91, [80]), (109, [80]), (111, [80, 120])]
)
def test_each_threshold_of_a_forecast_has_an_amount_of_its_own(
    dollars: int, reached: list[int]
) -> None:
    thresholds = BudgetThresholds(forecast=(Decimal(80), Decimal(120)))
    found = find_crossings(
        status(
            10,
            stored=stored(budget(thresholds=thresholds)),
            forecast=CertainForecast(dollars * DOLLAR),
        ),
        NOON,
    )
    assert percents(found) == [("forecast", percent) for percent in reached]


def test_without_a_forecast_only_actual_usage_alerts() -> None:
    assert percents(find_crossings(status(60), NOON)) == [("actual", 50)]


def test_a_forecast_of_what_is_reached_already_does_not_alert() -> None:
    found = find_crossings(status(100, forecast=FixedForecast(0, 1.0)), NOON)
    assert percents(found) == [("actual", 50), ("actual", 80), ("actual", 100)]


def test_ids_of_alerts_differ_by_generation_period_and_value() -> None:
    kept = status(50)
    others = [
        status(50, stored=stored(budget(), 2)),
        status(50, stored=stored(budget("other"))),
        status(50, value=ANA),
    ]
    keys = [find_crossings(each, NOON)[0].id for each in (kept, *others)]
    assert len(set(keys)) == 4
    assert keys[0] == f"account#1#2026-09-01#{50 * DOLLAR}#actual#50#"


def test_the_percentage_used_is_rounded_down() -> None:
    assert status(99.999).percent_used == Decimal("99.99")
    assert status(250).percent_used == Decimal(250)
    assert status(0).percent_used == 0


def test_drivers_are_the_labels_with_the_most_usage() -> None:
    found = [
        change(3, model_id=SONNET_4, project="chat", identity_arn=ANA),
        change(2, model_id=HAIKU_3, project="search", identity_arn=BEN),
        change(2, model_id=HAIKU_3, project="chat", identity_arn=BEN),
        change(99, NOON + 60 * DAY),
    ]
    assert find_drivers(found, stored(budget()), MONTHLY.period_at(NOON)) == (
        UsageDriver(ScopeField.MODEL, HAIKU_3, 4 * DOLLAR),
        UsageDriver(ScopeField.PROJECT, "chat", 5 * DOLLAR),
        UsageDriver(ScopeField.IDENTITY, BEN, 4 * DOLLAR),
    )


def test_drivers_of_a_default_budget_are_those_of_its_value() -> None:
    entry = stored(budget(scope=BudgetScope(region=("us-*",)), per=BudgetSubject.IDENTITY))
    found = [
        change(3, identity_arn=ANA),
        change(9, identity_arn=BEN),
        change(9, region="eu-central-1"),
    ]
    period = MONTHLY.period_at(NOON)
    assert find_drivers(found, entry, period, ANA)[0].used == 3 * DOLLAR
    assert find_drivers([], entry, period, NO_VALUE) == ()


class ConcurrentEvaluators(RuleBasedStateMachine):
    """Two evaluators and a sender, and each may stop between any two steps."""

    rule_of_periods: Any = DayPeriods("UTC")

    def __init__(self) -> None:
        super().__init__()
        thresholds = BudgetThresholds(forecast=())
        self.stored = stored(
            budget(
                amount=BudgetAmount.from_usd(Decimal(10)),
                periods=self.rule_of_periods,
                thresholds=thresholds,
            )
        )
        self.now = NOON
        self.totals: dict[str, UsageTotals] = {}
        self.highest: dict[str, int] = {}
        self.store = InMemoryAlertStore()
        self.pending: list[Callable[[], object]] = []
        self.published: list[str] = []

    @rule(dollars=st.integers(-3, 6))
    def count_usage(self, dollars: int) -> None:
        """Count a call or a correction; evaluations that follow it see it."""
        slot = self.stored.budget.periods.slot_at(self.now).id
        self.totals[slot] = self.totals.get(slot, UsageTotals.ZERO) + usage(dollars)
        self.evaluate_completely()

    @rule(hours=st.integers(1, 30))
    def advance(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def read_for_evaluation(self) -> None:
        """Evaluate, and write what was found at some later time."""
        for alert in self._find_alerts():
            self.pending.append(partial(self.store.add_due, alert))

    @rule(place=st.integers(0, 5), is_lost=st.booleans())
    def write_evaluation(self, place: int, is_lost: bool) -> None:
        """Write a delayed finding, or lose it with its evaluator."""
        if self.pending:
            write = self.pending.pop(place % len(self.pending))
            if not is_lost:
                write()

    @rule()
    def evaluate_completely(self) -> None:
        for alert in self._find_alerts():
            self.store.add_due(alert)

    @rule(stops_after_publishing=st.booleans())
    def send(self, stops_after_publishing: bool) -> None:
        for alert in list(self.store.list_due()):
            self.published.append(alert.key.id)
            if stops_after_publishing:
                return
            self.store.mark_sent(alert.key, self.now)

    @invariant()
    def each_threshold_has_one_alert_a_period(self) -> None:
        alerts = [alert.key for alert in self.store.alerts.values()]
        for key in alerts:
            overlapping = [
                other
                for other in alerts
                if other.threshold_id == key.threshold_id
                and other.period.start < key.period.end
                and key.period.start < other.period.end
            ]
            assert overlapping == [key]

    @invariant()
    def no_reached_threshold_is_without_an_alert(self) -> None:
        alerts = [alert.key for alert in self.store.alerts.values()]
        for key in find_crossings(self._status(), self.now):
            if self._is_evaluated():
                assert any(
                    other.threshold_id == key.threshold_id and other.period.end > key.period.start
                    for other in alerts
                )

    def teardown(self) -> None:
        self.send(stops_after_publishing=False)
        assert set(self.published) == set(self.store.alerts)

    def _is_evaluated(self) -> bool:
        """Say if an evaluation has seen the current period; each call is followed by one."""
        return self.stored.budget.periods.slot_at(self.now).id in self.totals

    def _status(self) -> BudgetStatus:
        rule_of_periods = self.stored.budget.periods
        period = rule_of_periods.period_at(self.now)
        totals = UsageTotals.ZERO
        for slot in rule_of_periods.list_slots(period):
            totals += self.totals.get(slot.id, UsageTotals.ZERO)
        return BudgetStatus(stored=self.stored, period=period, totals=totals)

    def _find_alerts(self) -> Any:
        found = self._status()
        return make_alerts(found, find_crossings(found, self.now), self.now)


class ConcurrentEvaluatorsOfWindows(ConcurrentEvaluators):
    """The same with a window that moves by the hour."""

    rule_of_periods = RollingHours(24)


TestConcurrentEvaluators = ConcurrentEvaluators.TestCase
TestConcurrentEvaluatorsOfWindows = ConcurrentEvaluatorsOfWindows.TestCase


def test_kinds_are_named_as_in_the_file() -> None:
    assert [kind.value for kind in ThresholdKind] == ["actual", "forecast"]
