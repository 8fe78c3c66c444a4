"""Compares models on the calls of a week, and says where money is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from lambdas.domain.calls import CallBooks, CurrentBooks
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.ledger import RecordedCalls, ScannedPage
from lambdas.domain.reports.comparison import (
    ComparisonStore,
    InvocationLogs,
    InvocationLogsUnavailableError,
    ObservedCall,
    OutlineCache,
    TrafficObserver,
    WeeklyComparison,
)
from lambdas.domain.reports.files import ReportUnfinishedError, check_time
from lambdas.domain.unlogged import UnloggedUsage, UnloggedUsageReader

MAX_CALLS = 750_000
"""Calls of a week that memory holds at once, so that they can be put into their order.

Measured, the whole report: less than 1.0 GB, also where each call has another identity. Requests
take about 200 MB more at most; the function has 2 GB.
"""

_LOGGED_WITHIN = timedelta(days=1)
"""The time after a call in which its request is expected in the log."""
_BATCH = 1_000
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparer:
    """Reports on the last whole week, Monday to Sunday in UTC, from what the ledger holds.

    A repeated run replaces the report and includes late calls.

    Attributes:
        calls: The ledger.
        books: The books that enrich calls, at the prices in force.
        logs: Has requests; `None` where content is not logged.
        reports: Stores the report.
        unlogged: Reads the tokens that no log has; `None` for a report without them.
        outlines: Makes a cache for the outlines of the requests of some calls.
    """

    calls: RecordedCalls
    books: CurrentBooks
    logs: InvocationLogs | None
    reports: ComparisonStore
    unlogged: UnloggedUsageReader | None = None
    outlines: Callable[[Callable[[UsageRecord], bool]], OutlineCache] = OutlineCache

    def report(
        self,
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
        has_time_for_requests: Callable[[], bool] = lambda: True,
    ) -> WeeklyComparison:
        """Report on the week before the one that it is now.

        Args:
            now: The time.
            has_time: Asked before each step.
            has_time_for_requests: Asked before each page of requests is looked at; a report does
                without them where it has to.

        Raises:
            ReportUnfinishedError: There was no time, or no room, for all calls.
        """
        end = datetime.combine(now.date() - timedelta(days=now.weekday()), time(), UTC)
        start = end - _WEEK
        pricing = self.books.pricing.get()
        observer, books = TrafficObserver(pricing), replace(self.books.get(), prices=pricing)
        pages = self.calls.scan_range(start, end)
        calls, unreadable_items = _read_sorted_by_time(pages, books, observer, now, has_time)
        outlines = self.outlines(lambda record: start <= record.timestamp < end)
        requests_unread = self._read_requests(outlines, start, end, has_time_for_requests)
        for place, call in enumerate(calls):
            if place % _BATCH == 0:
                check_time(has_time)
            observer.observe(call, outlines.take(call.key))
        comparison = WeeklyComparison(
            week=f"{start:%G-W%V}",
            report=observer.report(start, end),
            requests_unread=requests_unread,
            requests_left_out=outlines.left_out,
            unreadable_items=unreadable_items,
            unlogged=self.unlogged.read(start, end, pricing) if self.unlogged else UnloggedUsage(),
        )
        self.reports.write(comparison)
        return comparison

    def _read_requests(
        self,
        outlines: OutlineCache,
        start: datetime,
        end: datetime,
        has_time: Callable[[], bool],
    ) -> str | None:
        """Save outlines of requests; return the reason if some of the log are missing."""
        if self.logs is None:
            return None
        try:
            for messages in self.logs.scan_range(start, end + _LOGGED_WITHIN):
                if not has_time():
                    return "there was no time for all"
                for message in messages:
                    read_message(message, outlines.read_invocation)
        except InvocationLogsUnavailableError as error:
            return str(error)
        return None


def _read_sorted_by_time(
    pages: Iterable[ScannedPage],
    books: CallBooks,
    observer: TrafficObserver,
    now: datetime,
    has_time: Callable[[], bool],
) -> tuple[list[ObservedCall], int]:
    """Read the calls of a week, and count the items that cannot be read."""
    found: list[ObservedCall] = []
    unreadable_items = 0
    for page in pages:
        check_time(has_time)
        unreadable_items += page.unreadable_items
        enricher = books.open(page.records, now)
        found += [observer.read(enricher.enrich_attempt(record)) for record in page.records]
        if len(found) > MAX_CALLS:
            message = (
                f"the week has more than {MAX_CALLS:,} calls, which is all that memory holds:"
                " export the logs and run make compare"
            )
            raise ReportUnfinishedError(message)
    found.sort(key=lambda call: (call.timestamp, call.key))
    return found, unreadable_items
