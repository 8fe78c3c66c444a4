"""Calls of a week and the days before it, by their day and their cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.reports.weekly import ReportedWeek, WeeklySummary, WeeklyTally, summarize
from tests.builders import NO_ATTRIBUTION, SONNET_4, enriched, usage_record

WEEK = ReportedWeek(date(2026, 11, 23))
MONDAY, SUNDAY = WEEK.first_day, WEEK.last_day
LONG_AGO = MONDAY - timedelta(days=28)
UNPRICED_MODEL = SONNET_4
_TOKENS_OF_A_DOLLAR = 800_000  # output tokens of the priced model


def call(
    day: date, usd: str | int | Decimal = 1, *, project: str | None = None, **changes: Any
) -> EnrichedCall:
    """A call at noon with a cost in dollars, or with the changes to its record."""
    record = usage_record(
        timestamp=datetime.combine(day, time(12), UTC),
        tokens=TokenCounts(input=0, output=int(Decimal(usd) * _TOKENS_OF_A_DOLLAR)),
        **changes,
    )
    attribution = NO_ATTRIBUTION if project is None else NO_ATTRIBUTION._replace(project=project)
    return enriched(record, attribution=attribution)


def days_before(day: date, number: int) -> list[date]:
    """The days before a day, the last one first."""
    return [day - timedelta(days=past) for past in range(1, number + 1)]


def tally(calls: Iterable[EnrichedCall], **options: Any) -> WeeklyTally:
    """Add up calls of the week."""
    added = WeeklyTally(WEEK, **options)
    for made in calls:
        added.add(made)
    return added


def summary(*calls: EnrichedCall, complete_from: date = LONG_AGO, **options: Any) -> WeeklySummary:
    """Summarize calls of the week."""
    return summarize(tally(calls), complete_from=complete_from, **options)
