"""Alerts say who and what used most, and how usage will go on, from cells."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetStatus,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    ReadingLimit,
    ReadingLimitError,
    RollingHours,
    TooManyCellsError,
)
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.counters import (
    CellMinutes,
    Chunk,
    PriceEdition,
    SumUp,
    UsageChange,
    UsageTotals,
    begin_counting,
    get_spans,
)
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.services import trace_budget_usage
from lambdas.services.read_calibration import CalibratedErrors
from lambdas.services.trace_budget_usage import BudgetUsageTracer
from tests.budget_store import InMemoryBudgetStore, InMemoryCalibrationStore
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.counters import InMemoryCounters
from tests.unit.budgets.builders import DOLLAR, budget, change, stored

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DAILY = budget("daily", periods=DayPeriods("UTC"))


class Traced:
    """Counters with usage, and a tracer of budgets."""

    def __init__(self, *made: Budget, cell_minutes: CellMinutes = 60) -> None:
        self.budgets = InMemoryBudgetStore([stored(each) for each in made])
        self.counters = InMemoryCounters()
        self.counters.state = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
        self.spans = get_spans(cell_minutes)
        self.tracer = BudgetUsageTracer(
            budgets=self.budgets,
            sums=self.counters,
            cell_minutes=cell_minutes,
            errors=CalibratedErrors(
                store=InMemoryCalibrationStore(), shipped=read_shipped_ratios()
            ),
        )
        self.number = 0

    def count(self, *changes: UsageChange) -> None:
        for each in changes:
            self.number += 1
            sums = SumUp(self.spans).sum_up([each], NOON)
            self.counters.commit(Chunk(1, "shard", self.number, self.number, sums, (), NOON))

    def status(self, made: Budget, value: str = NO_VALUE) -> BudgetStatus:
        entry = stored(made)
        period = made.periods.period_at(NOON)
        return BudgetStatus(stored=entry, period=period, totals=UsageTotals.ZERO, value=value)

    def drivers(self, made: Budget, value: str = NO_VALUE) -> dict[str, tuple[str, int]]:
        (detailed,) = self.tracer.add_to([self.status(made, value)], NOON, ReadingLimit())
        found = detailed.drivers or ()
        return {driver.label: (driver.name, driver.used) for driver in found}

    def forecast(
        self,
        made: Budget,
        value: str = NO_VALUE,
        at: Any = NOON,
        limit: ReadingLimit | None = None,
    ) -> Any:
        period = made.periods.period_at(at)
        return self.tracer.forecast(stored(made), value, period, at, limit or ReadingLimit())


def test_the_model_project_and_identity_with_the_most_usage_are_named() -> None:
    traced = Traced(DAILY)
    traced.count(
        change(5, identity_arn=ANA, model_id=HAIKU_3, project="chat"),
        change(4, NOON - 3 * HOUR, identity_arn=BEN, model_id=SONNET_4, project="search"),
        change(3, NOON - 4 * HOUR, identity_arn=BEN, model_id=HAIKU_3, project="search"),
        change(99, NOON - 30 * HOUR, identity_arn=ANA, model_id=SONNET_4),
    )
    assert traced.drivers(DAILY) == {
        "model": (HAIKU_3, 8 * DOLLAR),
        "project": ("search", 7 * DOLLAR),
        "identity": (BEN, 7 * DOLLAR),
    }


def test_a_default_budget_names_what_its_value_used() -> None:
    each = budget("each", periods=DayPeriods("UTC"), per=BudgetSubject.IDENTITY)
    traced = Traced(each)
    traced.count(change(5, identity_arn=ANA), change(9, identity_arn=BEN))
    assert traced.drivers(each, ANA)["identity"] == (ANA, 5 * DOLLAR)


@pytest.mark.parametrize("cell_minutes", [15, 60])
def test_periods_that_begin_between_cells_have_drivers_too(cell_minutes: CellMinutes) -> None:
    india = budget("india", periods=HourPeriods("Asia/Kolkata"))
    traced = Traced(india, cell_minutes=cell_minutes)
    traced.count(change(2), change(3, NOON - 15 * MINUTE))
    assert traced.drivers(india)["identity"] == (ANA, 5 * DOLLAR)


def test_a_period_whose_cells_are_no_longer_kept_has_unknown_drivers() -> None:
    long = budget("long", periods=MonthPeriods("Europe/Berlin", 6))
    traced = Traced(long)
    traced.count(change(5))
    (detailed,) = traced.tracer.add_to([traced.status(long)], NOON, ReadingLimit())
    assert detailed.drivers is None


def count_names(traced: Traced, hours: int, names: int) -> None:
    """Count a call of each of some names in each of some hours."""
    traced.count(
        *(
            change(1, NOON - number * HOUR, identity_arn=f"{ANA}-{name}")
            for number in range(hours)
            for name in range(names)
        )
    )


def test_the_cells_of_a_period_are_read_once_for_all_budgets_and_values() -> None:
    each = budget("each", periods=DayPeriods("UTC"), per=BudgetSubject.IDENTITY)
    traced = Traced(each, DAILY)
    count_names(traced, hours=2, names=40)
    asked = [traced.status(each, f"{ANA}-{name}") for name in range(40)]
    limit = ReadingLimit(left=40)  # of the day
    detailed = traced.tracer.add_to([*asked, traced.status(DAILY)], NOON, limit)
    assert limit.left == 0
    assert [status.drivers[-1].name for status in detailed[:-1] if status.drivers] == [
        status.value for status in asked
    ]


def test_the_reading_of_drivers_ends_with_its_time_or_number_of_cells() -> None:
    berlin = budget("berlin", periods=DayPeriods("Europe/Berlin"))  # a day of hours
    traced = Traced(berlin)
    count_names(traced, hours=3, names=5)
    time_left = [True] * 12  # hours without usage take time, too
    for limit in (
        ReadingLimit(left=14),
        ReadingLimit(has_time=lambda: bool(time_left and time_left.pop())),
    ):
        with pytest.raises(ReadingLimitError):
            traced.tracer.add_to([traced.status(berlin)], NOON, limit)


def test_a_reading_of_hours_that_is_cut_off_goes_on_in_the_next_run() -> None:
    traced = Traced(DAILY)
    count_names(traced, hours=20, names=4)
    whole = Traced(DAILY)
    count_names(whole, hours=20, names=4)
    for minute in range(5):  # each reads two hours again
        at = NOON + timedelta(minutes=minute)
        with pytest.raises(ReadingLimitError):
            traced.forecast(DAILY, at=at, limit=ReadingLimit(left=21))
    at = NOON + timedelta(minutes=5)
    assert traced.forecast(DAILY, at=at, limit=ReadingLimit(left=21)) == whole.forecast(
        DAILY, at=at
    )


def test_calls_that_come_days_late_are_in_forecasts_within_two_hours() -> None:
    traced = Traced(DAILY)
    traced.count(*(change(1, NOON - number * HOUR) for number in range(100)))
    for minute in range(120):
        traced.forecast(DAILY, at=NOON + timedelta(minutes=minute))
    late = [change(9, NOON - number * HOUR) for number in range(5, 90)]
    traced.count(*late)
    for minute in range(120, 240):
        found = traced.forecast(DAILY, at=NOON + timedelta(minutes=minute))
    anew = Traced(DAILY)
    anew.count(*(change(1, NOON - number * HOUR) for number in range(100)), *late)
    assert found == anew.forecast(DAILY, at=NOON + timedelta(minutes=239))


def test_hours_that_no_run_can_read_are_an_error_of_their_own() -> None:
    traced = Traced(DAILY)
    count_names(traced, hours=4, names=4)
    for minute in range(2):
        at = NOON + timedelta(minutes=minute)
        for _ in range(2):  # for each budget of a run
            with pytest.raises(TooManyCellsError):
                traced.forecast(DAILY, at=at, limit=ReadingLimit(left=8))


def test_many_names_in_an_hour_end_the_forecasts_of_their_default_budget_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trace_budget_usage, "MAX_VALUES", 3)
    each = budget("each", periods=DayPeriods("UTC"), per=BudgetSubject.IDENTITY)
    few = budget("few", periods=DayPeriods("UTC"), per=BudgetSubject.PROJECT)
    traced = Traced(each, few, DAILY)
    count_names(traced, hours=30, names=4)
    assert traced.forecast(each, f"{ANA}-1") is None
    assert traced.forecast(DAILY) is not None
    assert traced.forecast(few, change().labels.project) is not None


def test_the_forecast_of_steady_usage_goes_on() -> None:
    traced = Traced(DAILY)
    traced.count(*(change(1, NOON - number * HOUR) for number in range(1, 24 * 7)))
    forecast = traced.forecast(DAILY)
    assert 10 * DOLLAR <= forecast.amount <= 14 * DOLLAR
    assert forecast.probability_of_exceeding(2 * DOLLAR) > 0.9
    assert forecast.probability_of_exceeding(90 * DOLLAR) < 0.1


def test_each_value_of_a_default_budget_has_a_forecast_of_its_own() -> None:
    each = budget("each", periods=DayPeriods("UTC"), per=BudgetSubject.IDENTITY)
    traced = Traced(each)
    traced.count(
        *(change(1, NOON - number * HOUR, identity_arn=ANA) for number in range(100)),
        *(change(3, NOON - number * HOUR, identity_arn=BEN) for number in range(100)),
    )
    ana, ben = (traced.forecast(each, value).amount for value in (ANA, BEN))
    assert ben == pytest.approx(3 * ana)


def test_a_budget_sees_its_own_scope_and_unit() -> None:
    tokens = budget(
        "tokens",
        scope=BudgetScope(model=(HAIKU_3,)),
        amount=BudgetAmount.from_text("1000", BudgetUnit.TOTAL_TOKENS),
        periods=DayPeriods("UTC"),
    )
    traced = Traced(tokens)
    used = UsageTotals(calls=1, total_tokens=50)
    for number in range(100):
        moment = NOON - number * HOUR
        traced.count(
            change(minute=moment, totals=used, model_id=HAIKU_3),
            change(minute=moment, totals=used, model_id=SONNET_4),
        )
    assert 500 <= traced.forecast(tokens).amount <= 700


def test_windows_that_move_and_new_scopes_have_no_forecast() -> None:
    window = budget("window", periods=RollingHours(24))
    traced = Traced(window, DAILY)
    traced.count(change(1))
    assert traced.forecast(window) is None
    assert traced.forecast(DAILY) is None


def test_earlier_hours_are_read_once_and_the_latest_again(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = Traced(DAILY)
    traced.count(*(change(1, NOON - number * HOUR) for number in range(100)))
    first = traced.forecast(DAILY).amount
    read: list[Any] = []
    reads = InMemoryCounters.read_cells

    def noting(self: Any, *args: Any) -> Any:
        read.append(args[2])
        return reads(self, *args)

    monkeypatch.setattr(InMemoryCounters, "read_cells", noting)
    traced.count(change(50, NOON), change(50, NOON - HOUR), change(50, NOON - 9 * HOUR))
    again = traced.forecast(DAILY, at=NOON + timedelta(minutes=1)).amount
    assert read == [NOON, NOON - HOUR]
    assert again > first


def test_a_new_budget_and_a_new_count_are_read_from_all_hours() -> None:
    traced = Traced(DAILY)
    traced.count(*(change(1, NOON - number * HOUR) for number in range(100)))
    assert traced.forecast(DAILY) is not None
    other = budget("other", periods=DayPeriods("UTC"))
    traced.tracer.budgets = InMemoryBudgetStore([stored(DAILY), stored(other)])
    later = NOON + timedelta(minutes=1)
    assert traced.forecast(other, at=later) == traced.forecast(DAILY, at=later)
    assert traced.counters.state is not None
    traced.counters.state = traced.counters.state.following(generation=2)
    assert traced.forecast(DAILY, at=NOON + timedelta(minutes=2)) is None


def test_budgets_without_thresholds_of_forecasts_are_not_read() -> None:
    actual = budget(
        "actual",
        periods=DayPeriods("UTC"),
        thresholds=BudgetThresholds((Decimal(50),), ()),
    )
    traced = Traced(actual)
    traced.count(*(change(1, NOON - number * HOUR) for number in range(100)))
    assert traced.forecast(actual) is None
