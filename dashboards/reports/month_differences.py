"""The differences between a month and the month before, over the same days."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dashboards.reports.temporary_store import Coverage
from lambdas.domain.usage import (
    GroupedTotals,
    GroupField,
    UsageSummary,
    UsageTotals,
    add_up_totals,
)

_DAY = timedelta(days=1)
_NO_CALLS = UsageTotals()


class DayRange(NamedTuple):
    """Days of one month, UTC.

    Attributes:
        first: The first of them.
        last: The last of them.
    """

    first: date
    last: date

    @property
    def month(self) -> str:
        """The month, such as `2026-11`."""
        return f"{self.first:%Y-%m}"

    @property
    def is_whole_month(self) -> bool:
        """Say if these are all days of the month."""
        return self.first.day == 1 and self.last.day == _count_days(self.first)


@dataclass(frozen=True, slots=True)
class Difference:
    """The usage of a group in the two periods.

    Attributes:
        values: The values of the fields that the group is of; empty for all calls.
        before: Its usage in the days of the month before; `None` if it made no call in them.
        after: Its usage in the days of the month, in the same way.
    """

    values: tuple[str, ...]
    before: UsageTotals | None
    after: UsageTotals | None

    @property
    def usd(self) -> Decimal | None:
        """The known cost after, minus the known cost before, exactly.

        `None` if there are successful calls before or after, and none of them has a price.
        """
        before, after = _get_known_usd(self.before), _get_known_usd(self.after)
        return None if before is None or after is None else after - before

    @property
    def invocations(self) -> int:
        """The successful calls after, minus those before."""
        before, after = self._pair
        return after.invocations - before.invocations

    @property
    def total_tokens(self) -> int:
        """The tokens after, minus those before."""
        before, after = self._pair
        return after.total_tokens - before.total_tokens

    @property
    def unpriced_invocations(self) -> int:
        """The calls without a known cost in both periods together."""
        return sum(totals.unpriced_invocations for totals in self._pair)

    @property
    def is_assumed(self) -> bool:
        """Say if a cost includes an assumed price."""
        return any(totals.assumed_price_invocations for totals in self._pair)

    @property
    def _pair(self) -> tuple[UsageTotals, UsageTotals]:
        return self.before or _NO_CALLS, self.after or _NO_CALLS


@dataclass(frozen=True, slots=True)
class MonthComparison:
    """A month compared with the month before.

    Attributes:
        before: The days of the month before.
        after: The days of the month.
        differences: A difference for each group, the largest amount first. Those without a known
            amount are last.
    """

    before: DayRange
    after: DayRange
    differences: tuple[Difference, ...]


def compare_months(
    summary: UsageSummary, coverage: Coverage, by: Sequence[GroupField], now: datetime
) -> Iterator[MonthComparison]:
    """Compare each month with the month before, if both have calls; in order of time.

    Compared are the days of both months between the first and the last call of all logs. A month
    that has not ended is compared up to yesterday, because today has not ended.

    Args:
        summary: The usage.
        coverage: The times of the first and the last call.
        by: The fields to group by. Days and months among them are left out.
        now: The time, UTC.
    """
    fields = [field for field in by if not field.is_time]
    months = sorted(values[0] for values, _ in summary.group_by(GroupField.MONTH))
    for month in months:
        after_start = date.fromisoformat(f"{month}-01")
        before_start = (after_start - _DAY).replace(day=1)
        if f"{before_start:%Y-%m}" not in months:
            continue
        last_day = min(_end_month(after_start), coverage.end.date())
        if after_start <= now.date() <= last_day:
            last_day = now.date() - _DAY
        first = max(before_start, coverage.start.date()).day
        if last_day < after_start or last_day.day < first:
            continue  # the logs have no day of both
        is_cut = last_day.day < _count_days(after_start)
        before_last = min(last_day.day, _count_days(before_start))
        before = DayRange(
            before_start.replace(day=first),
            before_start.replace(day=before_last) if is_cut else _end_month(before_start),
        )
        after = DayRange(after_start.replace(day=min(first, last_day.day)), last_day)
        yield MonthComparison(before, after, tuple(_compare(summary, fields, before, after)))


def add_up_differences(parts: Sequence[Difference], values: tuple[str, ...] = ()) -> Difference:
    """The difference of several groups together."""
    return Difference(
        values,
        _add_up([part.before for part in parts]),
        _add_up([part.after for part in parts]),
    )


def _compare(
    summary: UsageSummary, fields: Sequence[GroupField], before: DayRange, after: DayRange
) -> list[Difference]:
    groups = summary.group_by(GroupField.DAY, *fields)
    before_totals, after_totals = (_sum_days(groups, days) for days in (before, after))
    names = before_totals.keys() | after_totals.keys()
    differences = [
        Difference(values, before_totals.get(values), after_totals.get(values)) for values in names
    ]
    return sorted(differences, key=_rank)


def _rank(difference: Difference) -> tuple[bool, Decimal, int, tuple[str, ...]]:
    usd = difference.usd
    is_unknown = usd is None
    tokens = abs(difference.total_tokens)
    return is_unknown, -abs(usd or Decimal(0)), -tokens, difference.values


def _sum_days(groups: GroupedTotals, days: DayRange) -> dict[tuple[str, ...], UsageTotals]:
    first, last = days.first.isoformat(), days.last.isoformat()
    by_values: dict[tuple[str, ...], list[UsageTotals]] = {}
    for (day, *values), totals in groups:
        if first <= day <= last:
            by_values.setdefault(tuple(values), []).append(totals)
    return {values: add_up_totals(parts) for values, parts in by_values.items()}


def _add_up(parts: Sequence[UsageTotals | None]) -> UsageTotals | None:
    known = [part for part in parts if part is not None]
    return add_up_totals(known) if known else None


def _get_known_usd(totals: UsageTotals | None) -> Decimal | None:
    """The known cost; 0 where no call succeeded, `None` where no successful call has a price."""
    if totals is None or not totals.invocations:
        return Decimal(0)
    return totals.cost_usd


def _count_days(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _end_month(day: date) -> date:
    return day.replace(day=_count_days(day))
