"""Adds up the calls of a week and of the days that it is compared with, by name and by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.pricing import Cost, Unpriced
from lambdas.domain.reports.weekly.week import ReportedWeek
from lambdas.domain.usage import CallGroup, UsageTotals

MAX_NAMES = 100_000
"""The names of a kind that memory holds, some kilobytes each."""
OTHER_NAMES = "__other__"
"""The name of all others, once there are so many."""


class NameKind(StrEnum):
    """A property of calls that the summary breaks costs down by."""

    IDENTITY = "identity"
    PROJECT = "project"
    MODEL = "model"


@dataclass(slots=True)
class NamedUsage:
    """The usage of one identity, project or model.

    Attributes:
        name: Its name.
        week: Its usage in the week.
        before: Its usage in the week before.
        is_new: True if it made no call in the days before the week.
        usd_by_day: Its known cost by day, in the week and the days before.
    """

    name: str
    week: UsageTotals = field(default_factory=UsageTotals)
    before: UsageTotals = field(default_factory=UsageTotals)
    is_new: bool = True
    usd_by_day: dict[date, Decimal] = field(default_factory=dict)

    @property
    def has_calls(self) -> bool:
        """Say if it made calls in the week, failed ones included."""
        return bool(self.week.invocations or self.week.invocation_errors)


@dataclass(slots=True)
class WeeklyTally:
    """The calls of a week and of the days before it; they come in any order.

    Attributes:
        reported: The week.
        roll_up: Names sessions of machines by their role, as metrics do.
        max_names: The names of a kind that have usage of their own.
        week: The usage of the week.
        before: The usage of the week before.
        month: The usage from the first day of the month to the end of the week.
        last_month: The usage of the same days of the month before.
        unpriced: Calls of the week whose cost is not known, by reason.
        first_day: The day of the first call; `None` where there is no call.
    """

    reported: ReportedWeek
    roll_up: RoleRollUp = field(default_factory=RoleRollUp)
    max_names: int = MAX_NAMES
    week: UsageTotals = field(default_factory=UsageTotals)
    before: UsageTotals = field(default_factory=UsageTotals)
    month: UsageTotals = field(default_factory=UsageTotals)
    last_month: UsageTotals = field(default_factory=UsageTotals)
    unpriced: Counter[Unpriced] = field(default_factory=Counter)
    first_day: date | None = None
    _names: dict[NameKind, dict[str, NamedUsage]] = field(
        default_factory=lambda: {kind: {} for kind in NameKind}
    )

    def add(self, call: EnrichedCall) -> None:
        """Add a call of the week or of the days before it."""
        day = call.record.timestamp.date()
        if self.first_day is None or day < self.first_day:
            self.first_day = day
        is_in_week, is_before = self.reported.includes(day), self.reported.before.includes(day)
        if is_in_week and isinstance(call.cost, Unpriced):
            self.unpriced[call.cost] += 1
        named = []
        if day >= self.reported.look_back_from:
            named = [self._find(kind, name) for kind, name in self._name(call).items()]
        totals = self._find_months(day)
        if is_in_week:
            totals += [self.week, *(usage.week for usage in named)]
        elif is_before:
            totals += [self.before, *(usage.before for usage in named)]
        group = CallGroup(call.record)
        group.add(call.record.tokens)
        for total in totals:
            total.add(group, call.model_id, call.cost)
        for usage in named:
            usage.is_new &= is_in_week
            if isinstance(call.cost, Cost):
                usd = usage.usd_by_day.get(day, Decimal(0)) + call.cost.effective_usd
                usage.usd_by_day[day] = usd

    def get_names(self, kind: NameKind) -> list[NamedUsage]:
        """Get the usage of each name of a kind, in order of names."""
        return [usage for _, usage in sorted(self._names[kind].items())]

    def _find_months(self, day: date) -> list[UsageTotals]:
        """Return the totals of the month so far, or of the month before, if a day is in them."""
        first_day, last_day = self.reported.last_month
        if day >= self.reported.month:
            return [self.month]
        return [self.last_month] if first_day <= day <= last_day else []

    def _name(self, call: EnrichedCall) -> Mapping[NameKind, str]:
        return {
            NameKind.IDENTITY: self.roll_up.dimension_value(call.record.identity_arn),
            NameKind.PROJECT: call.attribution.project,
            NameKind.MODEL: call.model_id,
        }

    def _find(self, kind: NameKind, name: str) -> NamedUsage:
        names = self._names[kind]
        if name not in names and len(names) >= self.max_names:
            name = OTHER_NAMES
        usage = names.get(name)
        if usage is None:
            usage = names[name] = NamedUsage(name)
        return usage
