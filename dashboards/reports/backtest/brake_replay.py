"""Replays a caller's usage of one period against a limit, with the rules of the brake."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from dashboards.reports.backtest.call_traces import CallTrace, Usage
from dashboards.reports.backtest.delays import WINDOW_SECONDS, Delays
from lambdas.domain.brake import (
    MAX_RESERVE_PERCENT,
    BurnRates,
    Deny,
    DenyState,
    TargetRules,
    begin_watch,
    find_wanted_by_sum,
    observe,
    read_reaction,
)
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetPeriod,
    BudgetScope,
    BudgetState,
    BudgetStatus,
    BudgetSubject,
    BudgetUnit,
    PeriodRule,
    StoredBudget,
)
from lambdas.domain.counters import UsageTotals

_ACCOUNT = "111122223333"
_RULES = TargetRules(account_id=_ACCOUNT)
_HOUR = timedelta(hours=1)
_WINDOW = timedelta(seconds=WINDOW_SECONDS)
_RUNS = timedelta(minutes=1) // _WINDOW
_READ_BEFORE = timedelta(minutes=10) // _WINDOW
"""Readings that are earlier than these before the least amount of a deny count no more."""
_OBSERVED = timedelta(minutes=15)


class BrakeCase(NamedTuple):
    """A caller's usage of a period.

    Attributes:
        trace: The caller.
        rule: The rule of the period.
        period: The period.
    """

    trace: CallTrace
    rule: PeriodRule
    period: BudgetPeriod

    @property
    def hours(self) -> list[Usage]:
        """The usage by hour."""
        return [hour for hour in self.trace.hours if self.period.includes(hour.start)]

    @property
    def tokens(self) -> int:
        """The tokens that the caller used in it."""
        return sum(hour.tokens for hour in self.hours)


class Stop(NamedTuple):
    """The end of a caller's usage.

    Attributes:
        decided_at: The time of the decision to deny; `None` if there was none in the period.
        spent: The usage up to the last accepted call, as a share of the limit.
    """

    decided_at: datetime | None
    spent: Fraction


class Reaction(NamedTuple):
    """The reaction time of a deny.

    Attributes:
        attached_at: The time of the attachment.
        measured: The time that the brake measured; `None` if it measured none.
        actual: The time from the last call that the decision knew to the last accepted one.
    """

    attached_at: datetime
    measured: timedelta | None
    actual: timedelta


@dataclass(frozen=True, slots=True)
class BrakeTrial:
    """A case with a limit, and what the brake did.

    Attributes:
        case: The case.
        early: The end with a reserve.
        late: The end without one.
        assumed: The reaction time that the reserve was calculated with.
        reaction: The reaction time of the deny with a reserve; `None` without one.
    """

    case: BrakeCase
    early: Stop
    late: Stop
    assumed: timedelta
    reaction: Reaction | None


def replay_case(case: BrakeCase, share: Fraction, delays: Delays, assumed: timedelta) -> BrakeTrial:
    """Replay a case with and without a reserve.

    Args:
        case: The case.
        share: The limit as a share of what the caller used.
        delays: The time that each stage takes.
        assumed: The reaction time to calculate the reserve with.
    """
    return _Replay(case, share, delays).run(assumed)


class _CountedUsage(NamedTuple):
    usage: Usage
    window: int


class _Replay:
    """A case with a limit. Windows are numbered from the first hour that is looked at closely."""

    def __init__(self, case: BrakeCase, share: Fraction, delays: Delays) -> None:
        self._case = case
        self._limit = max(1, int(case.tokens * share))
        self._near = self._limit * (100 - int(MAX_RESERVE_PERCENT)) // 100
        self._value = f"arn:aws:iam::{_ACCOUNT}:user/{case.trace.name.replace('/', '-')}"
        budget = Budget(
            name="limit",
            managed_by="backtest",
            scope=BudgetScope(),
            amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, self._limit),
            periods=case.rule,
            per=BudgetSubject.IDENTITY,
            brake=BrakeMode.DENY,
        )
        self._stored = StoredBudget(budget, 1, BudgetState.ACTIVE)
        seed = f"{case.trace.name} {case.period.start} {delays.name}"
        chance = random.Random(seed)  # noqa: S311  # delays, not secrets
        self._effect = delays.pick_effect(chance)
        self._begin, end = self._find_close()
        before = [hour for hour in case.hours if hour.start < self._begin]
        self._before = sum(hour.tokens for hour in before), sum(hour.calls for hour in before)
        self._usage = [
            _CountedUsage(usage, self._find_window(usage, delays.pick_counting(chance)))
            for hour in case.hours
            if self._begin <= hour.start < end
            for usage in case.trace.spread(hour)
        ]

    def run(self, assumed: timedelta) -> BrakeTrial:
        """Run the brake until it has decided with a reserve and without one."""
        rates = BurnRates()
        early: datetime | None = None
        late: datetime | None = None
        reaction: Reaction | None = None
        for now, status in self._list_runs(self._usage):
            rates.note([status], now)
            if early is None:
                reserve = rates.get_reserve(status, assumed)
                deny = self._decide(status, now, reserve)
                if deny is not None:
                    early = now
                    watch = begin_watch(deny, status, rates, now)
                    reaction = self._find_reaction(replace(deny, watch=watch))
            if self._decide(status, now, 0):
                late = now
                break
        return BrakeTrial(self._case, self._stop(early), self._stop(late), assumed, reaction)

    def _find_close(self) -> tuple[datetime, datetime]:
        """Find the hours in which the brake may act. It is enough to sum the others."""
        period, tokens = self._case.period, 0
        near, reached = period.start, period.end
        for hour in self._case.hours:
            if tokens < self._near:
                near = hour.start
            tokens += hour.tokens
            if tokens >= self._limit:
                reached = hour.start
                break
        return max(period.start, near - _HOUR), min(period.end, reached + 2 * _HOUR)

    def _find_window(self, usage: Usage, seconds: float) -> int:
        """Find the number of the run after the window in which a call is counted."""
        counted_at = usage.start + timedelta(seconds=seconds)
        return (counted_at - self._begin) // _WINDOW + 1

    def _list_runs(self, usage: Iterable[_CountedUsage]) -> Iterator[tuple[datetime, BudgetStatus]]:
        """List the runs of the brake with the sum that each reads, from shortly before 80%."""
        windows: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for (_, more_tokens, more_calls), window in usage:
            tokens, calls = windows[window]
            windows[window] = tokens + more_tokens, calls + more_calls
        tokens, calls = self._before
        first = self._find_first(windows)
        for window in sorted({*windows, *range(0, max(windows, default=0) + _RUNS, _RUNS)}):
            more_tokens, more_calls = windows.get(window, (0, 0))
            tokens, calls = tokens + more_tokens, calls + more_calls
            now = self._begin + window * _WINDOW
            if window >= first and self._case.period.includes(now):
                totals = UsageTotals(calls=calls, total_tokens=tokens)
                yield (
                    now,
                    BudgetStatus(
                        stored=self._stored,
                        period=self._case.period,
                        totals=totals,
                        value=self._value,
                    ),
                )

    def _find_first(self, windows: Mapping[int, tuple[int, int]]) -> int:
        tokens, _ = self._before
        for window, (more_tokens, _) in sorted(windows.items()):
            tokens += more_tokens
            if tokens >= self._near:
                return window - _READ_BEFORE
        return 0

    def _decide(self, status: BudgetStatus, now: datetime, reserve: int) -> Deny | None:
        """Decide as the brake does, which is asked only at its braking point: it takes long."""
        if status.used + reserve < self._limit:
            return None
        wanted = find_wanted_by_sum(status, _RULES, now, lambda _: reserve)
        for target, causes in wanted.denies.items():
            return Deny(
                target=target,
                causes=causes,
                decided_at=now,
                state=DenyState.DENIED,
                attached_at=now,
            )
        return None

    def _list_accepted(self, decided_at: datetime) -> list[_CountedUsage]:
        effective_at = decided_at + self._effect
        return [each for each in self._usage if each.usage.start < effective_at]

    def _stop(self, decided_at: datetime | None) -> Stop:
        if decided_at is None:
            return Stop(None, Fraction(self._case.tokens, self._limit))
        accepted = self._list_accepted(decided_at)
        tokens = self._before[0] + sum(each.usage.tokens for each in accepted)
        return Stop(decided_at, Fraction(tokens, self._limit))

    def _find_reaction(self, deny: Deny) -> Reaction:
        """Measure the reaction time as the brake does, and as only a replay can."""
        decided_at = deny.decided_at
        accepted = self._list_accepted(decided_at)
        last = max(each.usage.start for each in accepted)
        window = (decided_at - self._begin) // _WINDOW
        known = max(each.usage.start for each in accepted if each.window <= window)
        for now, status in self._list_runs(accepted):
            if now > decided_at and read_reaction(deny, now) is None:
                deny = observe(deny, status, now)
        measured = read_reaction(deny, min(decided_at + _OBSERVED, self._case.period.end))
        return Reaction(decided_at, measured, last - known)
