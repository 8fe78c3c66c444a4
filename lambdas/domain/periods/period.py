"""Periods of a budget, and the rules by which they follow one another."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, Protocol


class BudgetPeriod(NamedTuple):
    """One period of a budget.

    Attributes:
        id: A text that no other period of the same budget has; in the order of time.
        start: The first moment, UTC.
        end: The first moment after it, UTC.
    """

    id: str
    start: datetime
    end: datetime

    def includes(self, moment: datetime) -> bool:
        """Say if a moment is in the period."""
        return self.start <= moment < self.end


class PeriodLength(NamedTuple):
    """The length of periods, the same for rules that differ in time zone or first day alone.

    Attributes:
        unit: The unit. Hours of a window and of a clock differ, and 30 days are no month.
        number: How many of them.
    """

    unit: Literal["hour", "day", "month", "hour of a window"]
    number: int


class PeriodRule(Protocol):
    """Rules by which a budget's periods follow one another.

    A slot is what usage is summed for. The slots of a rule follow one another without a gap and
    without overlap. A period is one slot, or for windows that move, several.
    """

    @property
    def length(self) -> PeriodLength:
        """The length of a period."""

    @property
    def cell_minutes(self) -> int:
        """The length of the cells from which sums over slots are exact: 60 or 15."""

    def slot_at(self, moment: datetime) -> BudgetPeriod:
        """The slot that a moment is in."""

    def period_at(self, moment: datetime) -> BudgetPeriod:
        """The period that is evaluated at a moment."""

    def list_slots(self, period: BudgetPeriod) -> tuple[BudgetPeriod, ...]:
        """The slots that a period is the sum of, in order of time."""
