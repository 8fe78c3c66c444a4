"""The use of a budget over time, and the times at which its thresholds were reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.periods import BudgetPeriod


class PastCrossing(NamedTuple):
    """A threshold that was reached.

    Attributes:
        percent: The threshold, on actual usage.
        minute: The minute of the call that reached it.
    """

    percent: Decimal
    minute: datetime


@dataclass(slots=True)
class PeriodUse:
    """The use of a budget in a period.

    Attributes:
        period: The period.
        used: The usage up to its last call, in the unit of the budget.
        crossings: The thresholds that were reached, as they would have alerted.
    """

    period: BudgetPeriod
    used: int = 0
    crossings: list[PastCrossing] = field(default_factory=list)


def replay_usage(budget: Budget, used_by_minute: Mapping[datetime, int]) -> list[PeriodUse]:
    """Replay the usage of a budget, and find when each threshold would have alerted.

    Args:
        budget: The budget.
        used_by_minute: The usage in its unit, by the minute of its calls.

    Returns:
        The periods with usage, in order of time. Of a window that moves, each hour with usage has
        one.
    """
    periods: dict[str, PeriodUse] = {}
    alerted_until: dict[Decimal, datetime] = {}
    window: deque[tuple[datetime, int]] = deque()
    used = 0
    for minute, amount in sorted(used_by_minute.items()):
        period = budget.periods.period_at(minute)
        while window and window[0][0] < period.start:
            used -= window.popleft()[1]
        window.append((minute, amount))
        used += amount
        use = periods.setdefault(period.id, PeriodUse(period))
        use.used = used
        for percent in budget.thresholds.actual:
            is_new = percent not in alerted_until or alerted_until[percent] <= period.start
            if is_new and budget.amount.is_reached(used, percent):
                alerted_until[percent] = period.end
                use.crossings.append(PastCrossing(percent, minute))
    return list(periods.values())
