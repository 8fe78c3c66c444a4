"""Writes the cost of calls in FOCUS columns, one billing period at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from lambdas.domain.calls import CurrentBooks
from lambdas.domain.ledger import RecordedCalls
from lambdas.domain.reports.files import check_time
from lambdas.domain.reports.focus import (
    CostFiles,
    CostTotals,
    DailyCharges,
    PeriodCosts,
    build_row,
    midnight,
    month_after,
)
from lambdas.domain.unlogged import UnloggedUsage, UnloggedUsageReader


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusExporter:
    """Writes the current and the previous billing period from what the ledger holds.

    Each period is written again every day, for as long as it is one of the two. Late calls,
    corrections and new prices are therefore in the next day's files. The manifest comes last, and
    names the files by their digests.

    Memory holds a page of calls and the charges of both periods, at most `MAX_CHARGES`. Where
    there would be more, sessions are rolled up into their roles in both periods.

    Attributes:
        calls: The ledger.
        books: The books that enrich calls at the prices in force.
        files: Stores the costs of each period.
        account_id: The account of calls whose log does not name one.
        billing_account_id: The account that pays; `None` for the one that was called.
        kept: The time for which the ledger keeps calls.
        unlogged: Reads the tokens that no log has; `None` for manifests without them.
    """

    calls: RecordedCalls
    books: CurrentBooks
    files: CostFiles
    account_id: str
    billing_account_id: str | None
    kept: timedelta
    unlogged: UnloggedUsageReader | None = None

    def export(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> list[Mapping[str, Any]]:
        """Write both periods; return their manifests, the earlier one first.

        Args:
            now: The time.
            has_time: Asked before each step.

        Raises:
            ReportUnfinishedError: There was no time for all.
            TooManyChargesError: There are more charges than memory holds.
        """
        current = now.date().replace(day=1)
        previous = (current - timedelta(days=1)).replace(day=1)
        books, charges = self.books.get(), DailyCharges(self.account_id)
        unreadable_items = 0
        for page in self.calls.scan_range(midnight(previous), midnight(month_after(current))):
            check_time(has_time)
            unreadable_items += page.unreadable_items
            for call in books.enrich(page.records, now):
                charges.add(call)
        written = []
        for month in (previous, current):
            check_time(has_time)
            written.append(self._write(charges, month, now, unreadable_items))
        return written

    def _write(
        self, charges: DailyCharges, month: date, now: datetime, unreadable_items: int
    ) -> Mapping[str, Any]:
        start, until = midnight(month), min(now, midnight(month_after(month)))
        pricing = self.books.pricing.get()
        costs = PeriodCosts(
            month=month,
            account_id=self.account_id,
            written_at=now,
            covers_until=until,
            is_cut_off_by_retention=start < now - self.kept,
            unreadable_items=unreadable_items,
            totals=CostTotals.from_charges(charges, [month]),
            unlogged=self.unlogged.read(start, until, pricing)
            if self.unlogged
            else UnloggedUsage(),
        )
        rows = (build_row(charge, self.billing_account_id) for charge in charges.charges(month))
        return self.files.write(costs, rows)
