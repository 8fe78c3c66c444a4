"""Sends a summary of each week once it has settled, from what the ledger holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.alerts import Notifier
from lambdas.domain.calls import CurrentBooks
from lambdas.domain.ledger import RecordedCalls
from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.reports.files import check_time
from lambdas.domain.reports.weekly import (
    ReportedWeek,
    SummaryDeliveries,
    WeeklySummary,
    WeeklyTally,
    summarize,
    weekly_notice,
)
from lambdas.domain.unlogged import UnloggedUsage, UnloggedUsageReader


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSummarizer:
    """Sends the summary of the last settled week, if it was not sent before.

    It may run on any day: what Monday missed, the next day sends.

    Attributes:
        calls: The ledger.
        books: The books that enrich calls at the prices in force.
        roll_up: Names sessions of machines by their role.
        deliveries: The summaries that were sent.
        notifier: Passes the summary on.
        retention: The time for which the ledger keeps calls.
        dashboard_url: The address of the dashboard that shows more.
        place: The account and the Region, for the subject.
        unlogged: Reads the tokens that no log has; `None` for a summary without them.
    """

    calls: RecordedCalls
    books: CurrentBooks
    roll_up: RoleRollUp
    deliveries: SummaryDeliveries
    notifier: Notifier
    retention: timedelta
    dashboard_url: str
    place: str
    unlogged: UnloggedUsageReader | None = None

    def summarize(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> WeeklySummary | None:
        """Send the summary of the last settled week; `None` if there is nothing to send.

        Args:
            now: The time.
            has_time: Asked before each step.

        Raises:
            ReportUnfinishedError: There was no time for all calls; nothing was sent of a part.
        """
        reported = ReportedWeek.last_closed(now)
        if not self.deliveries.begin(reported.name, now):
            return None
        try:
            summary = self._read(reported, now, has_time)
            self.notifier.publish(weekly_notice(summary, self.dashboard_url, self.place))
        except Exception:
            self.deliveries.give_up(reported.name)
            raise
        self.deliveries.complete(reported.name, now)
        return summary

    def _read(
        self, reported: ReportedWeek, now: datetime, has_time: Callable[[], bool]
    ) -> WeeklySummary:
        books, tally = self.books.get(), WeeklyTally(reported, self.roll_up)
        unreadable_items = 0
        for page in self.calls.scan_range(reported.read_from, reported.end):
            check_time(has_time)
            unreadable_items += page.unreadable_items
            for call in books.enrich(page.records, now):
                tally.add(call)
        return summarize(
            tally,
            created_on=self.calls.get_creation_time().date(),
            complete_from=(now - self.retention).date() + timedelta(days=1),
            unreadable_items=unreadable_items,
            unlogged=self.unlogged.read(reported.start, reported.end, self.books.pricing.get())
            if self.unlogged
            else UnloggedUsage(),
        )
