"""Sums of new budgets are complete and exact, whatever is counted while they are built."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetPeriod,
    BudgetPlanError,
    BudgetStatus,
    BudgetSubject,
    CellsExpiredError,
    CurrentSums,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    check_cells,
    list_cell_ranges,
    read_statuses,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.counters import (
    ANNOUNCEMENT,
    CellMinutes,
    CellSpan,
    Chunk,
    PriceEdition,
    SumUp,
    UsageChange,
    begin_counting,
    get_spans,
)
from lambdas.services.build_budgets import BudgetBuilder, BuildReport, CheckReport
from tests.budget_store import InMemoryBudgetStore, InMemoryBudgetSums
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.counters import Killed
from tests.examples import percent_of_examples
from tests.unit.budgets.builders import DOLLAR, budget, change, usage

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SOON = ANNOUNCEMENT + MINUTE
DAILY = budget("daily", periods=DayPeriods("UTC"))


class Meter:
    """Processes that count, each with budgets that it read some seconds ago, and the builder."""

    def __init__(self, processes: int = 3, cell_minutes: CellMinutes = 60) -> None:
        self.now = NOON
        self.cell_minutes: CellMinutes = cell_minutes
        self.budgets = InMemoryBudgetStore()
        self.store = InMemoryBudgetSums(self.budgets)
        self.counted: list[UsageChange] = []
        self.number = 0
        self.begin_count()
        self.processes = [
            SumUp(get_spans(cell_minutes), self._current_sums().accumulate)
            for _ in range(processes)
        ]

    def _current_sums(self) -> CurrentSums:
        return CurrentSums(
            store=self.budgets, cell_minutes=self.cell_minutes, clock=lambda: self.now
        )

    @property
    def builder(self) -> BudgetBuilder:
        return BudgetBuilder(budgets=self.budgets, sums=self.store, cell_minutes=self.cell_minutes)

    def begin_count(self, *, is_finished: bool = True) -> None:
        """Begin a generation of cells; `count` has to fill it."""
        begun = begin_counting(
            PriceEdition("shipped"), "stack", self.now, self.store.state, force=True
        )
        assert begun is not None
        (first,) = begun.recounts
        ended = replace(first, scanned_at=self.now if is_finished else None)
        self.store.state = replace(begun, recounts=(ended,))
        self.counted = []

    def count(self, *changes: UsageChange, process: int = 0) -> None:
        assert self.store.state is not None
        self.number += 1
        sums = self.processes[process].sum_up(changes, self.now)
        chunk = Chunk(
            self.store.state.generation, "shard", self.number, self.number, sums, (), self.now
        )
        self.store.commit(chunk)
        self.counted += changes

    def apply(self, *made: Budget) -> None:
        self.budgets.write(BudgetChanges(made), self.budgets.read().revision)

    def build(self) -> tuple[str, ...]:
        return self.builder.build(self.now).activated

    def finish(self) -> tuple[str, ...]:
        """Announce what is new, wait, and build it."""
        self.build()
        self.now += SOON
        return self.build()

    def check(self, name: str) -> None:
        """Compare the sums of the current period with all that was counted."""
        stored = self.budgets.read().budgets[name]
        assert stored.is_active
        assert self.store.state is not None
        periods = stored.budget.periods
        slots = periods.list_slots(periods.period_at(self.now))
        expected = {
            (key.slot, key.value): totals
            for key, totals in accumulate(self.counted, [stored]).items()
            if key.slot in slots
        }
        found = {
            (slot, value): totals
            for slot in slots
            for value, totals in self.store.read_values(
                self.store.state.generation, f"budget#{name}#{stored.generation}#{slot.id}"
            ).items()
            if totals
        }
        assert found == expected


def test_a_new_budget_has_the_usage_from_before_it() -> None:
    meter = Meter()
    meter.count(change(1), change(2, NOON - timedelta(hours=3)), change(4, NOON - DAY))
    meter.apply(DAILY)
    assert meter.build() == ()
    meter.count(change(8))
    meter.now += SOON
    meter.count(change(16))
    assert meter.build() == ("daily",)
    meter.count(change(32))
    meter.check("daily")


def test_an_hour_after_the_announcement_has_the_calls_of_fast_clocks_from_before_it() -> None:
    meter = Meter()
    meter.now = NOON + 50 * MINUTE
    meter.count(change(1, NOON + 65 * MINUTE))
    meter.apply(budget("hourly", periods=HourPeriods("UTC")))
    meter.build()
    meter.count(change(2, NOON + 65 * MINUTE), process=1)
    meter.now = NOON + 70 * MINUTE
    assert meter.build() == ("hourly",)
    meter.check("hourly")


def test_a_budget_that_cannot_be_read_stops_no_other_and_is_built_again_afterwards() -> None:
    meter = Meter()
    meter.apply(DAILY, replace(DAILY, name="other"))
    meter.finish()
    meter.count(change(1))
    meter.budgets.make_unreadable("daily")
    assert meter.builder.build(meter.now).unreadable == {"daily": "damaged"}
    meter.now += SOON
    meter.count(change(2))
    meter.check("other")
    meter.budgets.make_readable("daily")
    assert not meter.budgets.read().budgets["daily"].is_active
    meter.now += SOON
    meter.count(change(4))
    assert meter.builder.build(meter.now).waiting.keys() == {"daily"}
    meter.count(change(8))
    assert meter.finish() == ("daily",)
    meter.count(change(16))
    meter.check("daily")
    meter.check("other")


def hide(meter: Meter, name: str) -> None:
    """Let a budget be unreadable for a minute, in which usage is counted."""
    meter.budgets.make_unreadable(name)
    meter.build()
    meter.now += MINUTE
    meter.count(change(2, meter.now))
    meter.budgets.make_readable(name)


def find_status(meter: Meter, name: str) -> BudgetStatus:
    assert meter.store.state is not None
    book = meter.budgets.read()
    stored = book.budgets[name]
    (status,) = read_statuses(book, stored, meter.store, meter.store.state, meter.now)
    return status


@pytest.mark.parametrize(
    ("periods", "days"),
    [(MonthPeriods("Europe/Berlin", 3), 60), (MonthPeriods("Asia/Kolkata"), 10)],
    ids=["cells are no longer kept", "cells are too long"],
)
def test_an_interrupted_budget_that_cannot_be_built_goes_on_with_its_sums(
    periods: PeriodRule, days: int
) -> None:
    meter = Meter()
    meter.now = periods.period_at(NOON).start - timedelta(days=1)
    meter.apply(budget("long", periods=periods))
    meter.build()
    meter.now = periods.period_at(NOON).start + days * DAY
    assert meter.build() == ("long",)
    meter.count(change(1, meter.now))
    interrupted_at = meter.now
    hide(meter, "long")
    report = meter.builder.build(meter.now)
    assert (report.resumed, report.waiting) == (("long",), {})
    meter.count(change(4, meter.now), process=1)
    status = find_status(meter, "long")
    assert status.stored.is_active
    assert status.used == 5 * DOLLAR
    assert status.incomplete_since is not None
    assert interrupted_at - status.incomplete_since == timedelta(minutes=2)
    meter.now += SOON
    assert meter.builder.build(meter.now) == BuildReport((), {}, {})
    meter.now = status.period.end + DAY
    meter.count(change(8, meter.now))
    assert find_status(meter, "long").incomplete_since is None


def test_a_budget_that_still_lacks_usage_in_its_next_period_is_built_again_there() -> None:
    meter = Meter()
    quarter = MonthPeriods("Europe/Berlin", 3)
    end = quarter.period_at(NOON).end
    meter.now = quarter.period_at(NOON).start - DAY
    meter.apply(budget("long", periods=quarter))
    meter.build()
    meter.now = end - 2 * MINUTE
    assert meter.build() == ("long",)
    hide(meter, "long")
    assert meter.builder.build(meter.now).resumed == ("long",)
    meter.now = end + MINUTE
    assert meter.builder.build(meter.now).waiting.keys() == {"long"}
    assert meter.finish() == ("long",)
    assert meter.budgets.read().budgets["long"].gap is None


def test_gaps_of_a_period_are_one_gap_from_the_first() -> None:
    meter = Meter()
    quarter = MonthPeriods("Europe/Berlin", 3)
    meter.now = quarter.period_at(NOON).start - DAY
    meter.apply(budget("long", periods=quarter))
    meter.build()
    meter.now += 50 * DAY
    meter.build()
    meter.count(change(1, meter.now))
    since = meter.now - timedelta(minutes=2)
    for _ in range(2):
        hide(meter, "long")
        meter.build()
        meter.now += DAY
    assert find_status(meter, "long").incomplete_since == since


def test_a_budget_that_was_building_when_it_was_interrupted_does_not_alert_on_a_part() -> None:
    meter = Meter()
    meter.apply(budget("long", periods=MonthPeriods("Europe/Berlin", 3)))
    meter.build()
    meter.now += 45 * DAY
    hide(meter, "long")
    assert meter.builder.build(meter.now).waiting.keys() == {"long"}
    assert not meter.budgets.read().budgets["long"].is_active


def test_a_budget_that_builds_for_longer_than_half_an_hour_is_overdue() -> None:
    meter = Meter()
    meter.apply(budget("india", periods=DayPeriods("Asia/Kolkata")))
    meter.finish()
    for minutes, overdue in ((20, ()), (11, ("india",))):
        meter.now += timedelta(minutes=minutes)
        assert meter.builder.build(meter.now).overdue == overdue


def test_a_budget_that_waits_for_a_count_of_all_calls_is_not_overdue() -> None:
    meter = Meter()
    meter.begin_count(is_finished=False)
    meter.apply(DAILY)
    meter.build()
    meter.now += timedelta(hours=3)
    assert meter.builder.build(meter.now).overdue == ()


def test_a_budget_waits_until_every_process_knows_it() -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.build()
    meter.now += ANNOUNCEMENT - MINUTE
    assert meter.builder.build(meter.now).waiting.keys() == {"daily"}
    meter.now += MINUTE
    assert meter.build() == ("daily",)


def test_usage_that_comes_while_a_process_does_not_know_the_budget_counts_once() -> None:
    meter = Meter()
    for process in range(3):
        meter.count(change(1), process=process)  # each reads budgets
    meter.apply(DAILY)
    meter.count(change(2), process=0)
    meter.now += timedelta(seconds=6)
    meter.count(change(4), process=1)  # it knows the budget now
    meter.build()
    meter.now += SOON
    assert meter.build() == ("daily",)
    meter.check("daily")


def test_a_changed_budget_is_built_anew_and_the_old_sums_do_not_count() -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    meter.count(change(3))
    meter.apply(replace(DAILY, amount=BudgetAmount.from_usd(Decimal(7))))
    meter.count(change(5))
    assert meter.finish() == ("daily",)
    meter.check("daily")


def test_nothing_is_built_while_calls_of_the_ledger_are_being_counted() -> None:
    meter = Meter()
    meter.begin_count(is_finished=False)
    meter.apply(DAILY)
    assert meter.finish() == ()
    meter.begin_count()
    meter.count(change(3))
    assert meter.build() == ("daily",)
    meter.check("daily")


def test_a_new_generation_of_cells_has_sums_of_its_own() -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    meter.count(change(3))
    meter.begin_count()
    meter.count(change(3))
    meter.check("daily")
    assert meter.builder.check(meter.now).differences == []


def test_a_budget_of_a_zone_with_half_hours_waits_for_its_next_period() -> None:
    meter = Meter()
    meter.count(change(3))
    meter.apply(budget("india", periods=DayPeriods("Asia/Kolkata")))
    assert meter.finish() == ()
    waiting = meter.builder.build(meter.now).waiting
    assert waiting == {"india": "budget india needs cells of 15 minutes, not of 60"}
    meter.now = NOON + timedelta(hours=6, minutes=31)  # half past midnight there has passed
    meter.count(change(5, meter.now))
    assert meter.build() == ("india",)
    meter.check("india")


def test_cells_of_a_quarter_of_an_hour_complete_it_at_once() -> None:
    meter = Meter(cell_minutes=15)
    meter.count(change(3), change(4, NOON - timedelta(hours=17, minutes=45)))
    meter.apply(budget("india", periods=DayPeriods("Asia/Kolkata")))
    assert meter.finish() == ("india",)
    meter.check("india")


def test_a_budget_that_changes_while_it_is_built_stays_building(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter()
    meter.count(change(3))
    meter.apply(DAILY)
    meter.build()
    meter.now += SOON
    reads = InMemoryBudgetSums.read_cells

    def read_while_someone_applies(self: Any, *args: Any) -> Any:
        meter.apply(replace(DAILY, amount=BudgetAmount.from_usd(Decimal(7))))
        return reads(self, *args)

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", read_while_someone_applies)
    assert meter.builder.build(meter.now).waiting == {"daily": "it has changed or was deleted"}
    monkeypatch.undo()
    assert meter.finish() == ("daily",)
    meter.check("daily")


def test_a_store_that_is_busy_leaves_the_budget_for_the_next_run() -> None:
    meter = Meter()
    meter.count(change(3))
    meter.apply(DAILY)
    meter.build()
    meter.now += SOON
    meter.store.busy = 1
    assert meter.build() == ()
    assert meter.build() == ("daily",)
    meter.check("daily")


@pytest.mark.parametrize("kills_at", range(1, 5))
def test_a_build_that_dies_half_way_adds_nothing_twice(kills_at: int) -> None:
    meter = Meter()
    meter.count(change(3, identity_arn=ANA), change(4, identity_arn=BEN))
    meter.apply(replace(DAILY, per=BudgetSubject.IDENTITY))
    meter.build()
    meter.now += SOON
    meter.store.kills_at = {meter.store.effects + kills_at}
    with suppress(Killed):
        meter.build()
    meter.store.kills_at = ()
    meter.build()
    meter.check("daily")


def test_without_time_nothing_is_built() -> None:
    meter = Meter()
    meter.apply(DAILY)
    report = meter.builder.build(meter.now, lambda: False)
    assert report.waiting == {"daily": "there was no time for the rest"}


def test_the_check_names_a_sum_that_differs_from_cells() -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    meter.count(change(3))
    assert meter.builder.check(meter.now) == CheckReport("daily", [])
    ((place, totals),) = meter.store.accumulators.items()
    meter.store.accumulators[place] = totals + usage(1)
    (difference,) = meter.builder.check(meter.now).differences
    assert difference.key.budget == "daily"
    assert difference.accumulated - difference.recomputed == usage(1)


def test_each_minute_another_budget_is_checked() -> None:
    meter = Meter()
    names = {"a", "b", "c"}
    meter.apply(*(budget(name) for name in names))
    meter.finish()
    checked = [meter.builder.check(meter.now + number * MINUTE).budget for number in range(3)]
    assert set(checked) == names


def test_usage_that_is_counted_during_the_check_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    meter.count(change(3))
    reads = InMemoryBudgetSums.read_cells

    def count_before_and_after(self: Any, *args: Any) -> Any:
        meter.count(change(5))
        cells = list(reads(self, *args))
        meter.count(change(7))
        return cells

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", count_before_and_after)
    assert meter.builder.check(meter.now) == CheckReport("daily", [])


def test_a_call_that_moves_to_another_cell_during_the_check_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter()
    meter.apply(budget("berlin", periods=DayPeriods("Europe/Berlin")))
    meter.finish()
    early = change(5, meter.now - timedelta(hours=3))
    meter.count(early)
    reads, moves = InMemoryBudgetSums.read_cells, [timedelta(hours=2)]

    def move_after_the_first_cells(self: Any, *args: Any) -> Any:
        for cell in list(reads(self, *args)):
            yield cell
            if moves:
                late = early._replace(minute=early.minute + moves.pop())
                meter.count(early._replace(totals=-early.totals), late)
                yield from reads(self, *args)  # those that come after the first one

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", move_after_the_first_cells)
    assert meter.builder.check(meter.now) == CheckReport("berlin", [])
    assert not moves


@pytest.mark.parametrize("hours", [2, -2], ids=["forward", "back"])
def test_calls_that_move_all_the_time_are_no_difference(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter()
    meter.apply(budget("berlin", periods=DayPeriods("Europe/Berlin")))
    meter.finish()
    moved = change(5, meter.now - timedelta(hours=3))
    target = moved._replace(minute=moved.minute + timedelta(hours=hours))
    meter.count(*[moved] * 50, target)
    reads = InMemoryBudgetSums.read_cells

    def move_one_between_cells(self: Any, *args: Any) -> Any:
        """Read cell by cell, and move a call after the first one: it is seen twice or never."""
        keys = sorted(cell.key for cell in reads(self, *args))
        for place, key in enumerate(keys):
            if place == 1:
                meter.count(moved._replace(totals=-moved.totals), target)
            yield from (cell for cell in reads(self, *args) if cell.key == key)

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", move_one_between_cells)
    for _ in range(5):
        assert meter.builder.check(meter.now) == CheckReport("berlin", [])


def test_a_real_difference_is_found_while_calls_move_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    meter.count(*[change(1, meter.now - timedelta(hours=3))] * 50)
    ((place, totals),) = meter.store.accumulators.items()
    meter.store.accumulators[place] = totals + usage(40)
    reads = InMemoryBudgetSums.read_cells

    def move_and_count(self: Any, *args: Any) -> Any:
        early = change(1, meter.now - timedelta(hours=3))
        late = early._replace(minute=meter.now)
        cells = list(reads(self, *args))
        meter.count(early._replace(totals=-early.totals), late, late)
        return cells

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", move_and_count)
    (difference,) = meter.builder.check(meter.now).differences
    assert difference.key.budget == "daily"


def test_a_budget_that_changes_during_the_check_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter()
    meter.apply(DAILY)
    meter.finish()
    reads = InMemoryBudgetSums.read_cells

    def apply_and_count(self: Any, *args: Any) -> Any:
        meter.apply(replace(DAILY, amount=BudgetAmount.from_usd(Decimal(7))))
        meter.now += MINUTE
        meter.count(change(5))  # into the sums of the new generation alone
        return list(reads(self, *args))

    monkeypatch.setattr(InMemoryBudgetSums, "read_cells", apply_and_count)
    assert meter.builder.check(meter.now) == CheckReport()


# The cells that a slot is the sum of


def test_a_month_is_read_from_cells_of_days_and_the_hours_around_them() -> None:
    berlin = MonthPeriods("Europe/Berlin").period_at(NOON)
    spans = [(cells.span, cells.end - cells.start) for cells in list_cell_ranges(berlin, 60, NOON)]
    assert spans == [
        (CellSpan.HOUR, timedelta(hours=2)),
        (CellSpan.DAY, 29 * DAY),
        (CellSpan.HOUR, timedelta(hours=22)),
    ]


def test_a_long_period_that_begins_at_midnight_utc_needs_cells_of_days_alone() -> None:
    quarter = BudgetPeriod("", NOON.replace(hour=0) - 80 * DAY, NOON.replace(hour=0) + 10 * DAY)
    assert [cells.span for cells in list_cell_ranges(quarter, 60, NOON)] == [CellSpan.DAY]


def test_a_long_period_that_begins_at_another_hour_cannot_be_read_after_forty_days() -> None:
    midnight = NOON.replace(hour=0)
    for days, is_kept in ((39, True), (41, False)):
        slot = BudgetPeriod("", midnight - days * DAY - timedelta(hours=2), midnight + DAY)
        if is_kept:
            assert len(list(list_cell_ranges(slot, 60, NOON))) == 2
        else:
            with pytest.raises(CellsExpiredError, match="no longer kept"):
                list(list_cell_ranges(slot, 60, NOON))


# Everything at once

Step = tuple[Any, ...]
_rules: st.SearchStrategy[PeriodRule] = st.sampled_from(
    [DayPeriods("UTC"), MonthPeriods("Europe/Berlin"), RollingHours(5), DayPeriods("Asia/Kolkata")]
)
_made = st.builds(
    lambda name, periods, per: budget(name, periods=periods, per=per),
    st.sampled_from("ab"),
    _rules,
    st.none() | st.just(BudgetSubject.IDENTITY),
)
_changes = st.builds(
    lambda dollars, hours, arn, model: change(
        dollars, NOON - hours * timedelta(minutes=45), identity_arn=arn, model_id=model
    ),
    st.sampled_from([1, 2, -1]),
    st.integers(-3, 60),
    st.sampled_from([ANA, BEN]),
    st.sampled_from([HAIKU_3, SONNET_4]),
)
_steps = st.one_of(
    st.tuples(st.just("count"), st.lists(_changes, min_size=1, max_size=3), st.integers(0, 2)),
    st.tuples(st.just("count"), st.lists(_changes, min_size=1, max_size=3), st.integers(0, 2)),
    st.tuples(st.just("apply"), _made),
    st.tuples(st.just("build"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 100, 360])),
)


@settings(max_examples=percent_of_examples(300), deadline=None)
@given(st.lists(_steps, max_size=25), st.sampled_from([15, 60]))
def test_sums_equal_all_usage_whoever_counts_applies_builds_or_dies(
    steps: Sequence[Step], cell_minutes: CellMinutes
) -> None:
    meter = Meter(cell_minutes=cell_minutes)
    for kind, *arguments in steps:
        if kind == "count":
            meter.count(*arguments[0], process=arguments[1])
        elif kind == "apply":
            meter.apply(arguments[0])
        elif kind == "wait":
            meter.now += timedelta(seconds=arguments[0])
        else:
            meter.store.kills_at = {meter.store.effects + arguments[0]}
            with suppress(Killed):
                meter.build()
            meter.store.kills_at = ()
    meter.finish()
    for stored in meter.budgets.read():
        if stored.is_active:
            meter.check(stored.budget.name)
        else:
            assert stored.budget.periods.cell_minutes < cell_minutes
    for number in range(2):
        assert not meter.builder.check(meter.now + number * MINUTE).differences


# Budgets whose period is too long to be completed from cells


@pytest.mark.parametrize(
    ("periods", "is_kept"),
    [
        (MonthPeriods("UTC", 12), True),
        (MonthPeriods("Europe/Berlin", 12), False),
        (MonthPeriods("Europe/Berlin", 3), False),
        (MonthPeriods("Europe/Berlin"), True),
        (MonthPeriods("Asia/Kolkata", 3, NOON.date() - timedelta(days=30)), True),
        (MonthPeriods("Asia/Kolkata", 3, NOON.date() - timedelta(days=50)), False),
        (RollingHours(168), True),
    ],
)
def test_a_budget_is_refused_if_cells_of_its_period_are_no_longer_kept(
    periods: PeriodRule, is_kept: bool
) -> None:
    made = budget("long", periods=periods)
    if is_kept:
        check_cells([made], NOON)
        return
    with pytest.raises(
        BudgetPlanError, match=r"long: .* hour is kept for 40 days.*use the time zone"
    ):
        check_cells([made], NOON)


def test_a_refusal_names_the_period_in_the_time_zone_of_the_budget() -> None:
    made = budget("year", periods=MonthPeriods("Europe/Berlin", 12))
    period = "its current period is 2026-01-01 00:00 to 2027-01-01 00:00, Europe/Berlin, and"
    with pytest.raises(BudgetPlanError, match=period):
        check_cells([made], NOON)


def test_a_budget_is_refused_if_even_cells_of_days_are_no_longer_kept() -> None:
    periods = MonthPeriods("UTC", 24, NOON.date().replace(day=1) - timedelta(days=420))
    made = budget("two-years", periods=periods)
    with pytest.raises(
        BudgetPlanError,
        match=r"two-years: .* day is kept for 400 days\..*or choose shorter periods",
    ):
        check_cells([made], NOON)


def test_a_stored_budget_of_a_long_period_goes_on_when_cells_of_its_beginning_expire() -> None:
    meter = Meter()
    meter.apply(budget("year", periods=MonthPeriods("Europe/Berlin", 12, NOON.date())))
    meter.count(change(3))
    meter.finish()
    meter.now += 50 * DAY
    meter.count(change(5, meter.now))
    meter.check("year")
    assert meter.builder.check(meter.now) == CheckReport()
