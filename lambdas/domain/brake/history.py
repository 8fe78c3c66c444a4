"""The denies that the brake would have made for past usage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.brake.braking_point import MAX_RESERVE_PERCENT, BurnRates
from lambdas.domain.brake.denies import DenyCause
from lambdas.domain.brake.reaction_times import ASSUMED_REACTION
from lambdas.domain.brake.targets import NotEnforceable, Target, TargetRules
from lambdas.domain.brake.wanted import find_wanted_by_sum
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetPeriod,
    BudgetState,
    BudgetStatus,
    BudgetUnit,
    StoredBudget,
)
from lambdas.domain.counters import UsageTotals

_READING = timedelta(seconds=59)
"""The time in its minute at which usage is read: the last second of it."""
_ALL = 100


class MinuteUsage(NamedTuple):
    """The usage of a minute.

    Attributes:
        used: The usage in the unit of a budget.
        calls: The number of calls.
    """

    used: int
    calls: int


@dataclass(frozen=True, slots=True)
class PastDeny:
    """A deny that the brake would have made, or could not have made.

    Attributes:
        caller: The caller, or why it cannot be denied.
        minute: The minute of the call that led to it.
        cause: The budget, with usage and reserve at that time.
        later: The usage from then on to the end of the period, which the deny would have stopped.
    """

    caller: Target | NotEnforceable
    minute: datetime
    cause: DenyCause
    later: int = 0


def replay_brake(
    budget: Budget, value: str, usage: Mapping[datetime, MinuteUsage], rules: TargetRules
) -> list[PastDeny]:
    """Replay the usage of a budget, and find whom the brake would have denied, and when.

    The brake is taken to be switched on, to look at the budget at the end of each minute with
    usage, and to know no reaction time yet. The first deny of a period is listed for each caller;
    of a window that moves, none that overlaps it.

    Args:
        budget: The budget.
        value: The value that a default budget is for; else empty.
        usage: The usage by the minute of its calls.
        rules: The rules of targets.
    """
    stored = StoredBudget(replace(budget, brake=BrakeMode.DENY), 1, BudgetState.ACTIVE)
    rates, found = BurnRates(), list[PastDeny]()
    for minute, period, totals in _sum_up(budget, usage):
        status = BudgetStatus(stored=stored, period=period, totals=totals, value=value)
        now = minute + _READING
        rates.note([status], now)
        is_far = not budget.amount.is_reached(status.used, _ALL - MAX_RESERVE_PERCENT)
        is_denied = found and period.start < found[-1].cause.key.period.end
        if is_far or is_denied:
            continue
        wanted = find_wanted_by_sum(
            status, rules, now, lambda each: rates.get_reserve(each, ASSUMED_REACTION)
        )
        found += [PastDeny(caller, minute, cause) for caller, (cause,) in wanted.denies.items()]
        found += [PastDeny(refused.caller, minute, refused.cause) for refused in wanted.refusals]
    return [replace(deny, later=_sum_after(deny, usage)) for deny in found]


def _sum_up(
    budget: Budget, usage: Mapping[datetime, MinuteUsage]
) -> Iterator[tuple[datetime, BudgetPeriod, UsageTotals]]:
    """Sum usage up to each minute, in the period of the minute."""
    window: deque[tuple[datetime, MinuteUsage]] = deque()
    used = calls = 0
    for minute, added in sorted(usage.items()):
        period = budget.periods.period_at(minute)
        while window and window[0][0] < period.start:
            _, gone = window.popleft()
            used, calls = used - gone.used, calls - gone.calls
        window.append((minute, added))
        used, calls = used + added.used, calls + added.calls
        yield minute, period, _make_totals(budget.amount.unit, used, calls)


def _make_totals(unit: BudgetUnit, used: int, calls: int) -> UsageTotals:
    """Make totals that take this much of a budget."""
    match unit:
        case BudgetUnit.USD:
            return UsageTotals(calls=calls, cost_picodollars=used)
        case BudgetUnit.TOTAL_TOKENS:
            return UsageTotals(calls=calls, total_tokens=used)
        case BudgetUnit.QUOTA_TOKENS:
            return UsageTotals(calls=calls, quota_tokens=used)


def _sum_after(deny: PastDeny, usage: Mapping[datetime, MinuteUsage]) -> int:
    period = deny.cause.key.period
    return sum(each.used for minute, each in usage.items() if deny.minute < minute < period.end)
