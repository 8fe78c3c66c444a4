"""Writes what calls cost in FOCUS columns, a billing period at a time, and each one afresh."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lambdas.domain.calls import CallBooks
from lambdas.domain.ledger.recorded_calls import RecordedCalls
from lambdas.domain.reports.files import REPORT_NAME, ReportFiles, check_time
from lambdas.domain.reports.focus import (
    COSTS_PREFIX,
    DailyCharges,
    Sums,
    describe_file,
    manifest_of,
    midnight,
    month_after,
    row_of,
    write_csv_file,
)

_SOURCE = "Bedrock Meter"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFocus:
    """Writes the current and the previous billing period from what the ledger holds.

    Late calls, corrections and prices that are told later are in the next day's files, since each
    period is written again for as long as it is one of the two. Its manifest comes last, and names
    its files by their digests.

    Memory holds the charges of both periods, of which there are at most `MAX_CHARGES`, and a page
    of calls. Where there would be more, sessions are folded into their roles in both periods.

    Attributes:
        calls: The ledger.
        books: The books that enrich calls.
        to_parquet: Writes a CSV file as Parquet.
        files: Where files go.
        account_id: Whose calls they are where a log does not tell.
        billing_account_id: The account that pays; `None` for the one that was called.
        kept: How long the ledger keeps calls.
    """

    calls: RecordedCalls
    books: CallBooks
    to_parquet: Callable[[Path, Path], int]
    files: ReportFiles
    account_id: str
    billing_account_id: str | None
    kept: timedelta

    def export(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> list[dict[str, Any]]:
        """Write both periods; gives their manifests, the earlier one first.

        Args:
            now: The time.
            has_time: Asked before each step.

        Raises:
            ReportUnfinishedError: There was no time for all.
            TooManyChargesError: There are more charges than memory holds.
        """
        current = now.date().replace(day=1)
        previous = (current - timedelta(days=1)).replace(day=1)
        charges = DailyCharges(self.account_id)
        unreadable_items = 0
        for page in self.calls.scan_range(midnight(previous), midnight(month_after(current))):
            check_time(has_time)
            unreadable_items += page.unreadable_items
            for call in self.books.enrich(page.records, now):
                charges.add(call)
        written = []
        for month in (previous, current):
            check_time(has_time)
            written.append(self._write(charges, month, now, unreadable_items))
        return written

    def _write(
        self, charges: DailyCharges, month: date, now: datetime, unreadable_items: int
    ) -> dict[str, Any]:
        period = f"billing_period={month:%Y-%m}"
        sums = Sums()
        for charge in charges.charges(month):
            sums = sums.plus(charge)
        rows = (row_of(it, self.billing_account_id) for it in charges.charges(month))
        with TemporaryDirectory() as folder:
            csv, parquet = (
                Path(folder, f"{REPORT_NAME}.csv.gz"),
                Path(folder, f"{REPORT_NAME}.parquet"),
            )
            write_csv_file(rows, csv)
            self.to_parquet(csv, parquet)
            manifest = manifest_of(
                sums,
                priced_invocations=charges.priced_invocations(month),
                left_out=charges.left_out(month),
                files=[describe_file(csv), describe_file(parquet)],
                facts={
                    **self._facts(month, now),
                    "identity_detail": charges.identity_detail.label,
                    "unreadable_items": unreadable_items,
                },
            )
            told = Path(folder, f"{REPORT_NAME}.json")
            told.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            self.files.keep(csv, f"{COSTS_PREFIX}csv/{period}/{csv.name}")
            self.files.keep(parquet, f"{COSTS_PREFIX}parquet/{period}/{parquet.name}")
            self.files.keep(told, f"{COSTS_PREFIX}manifests/{period}/{told.name}")
        return manifest

    def _facts(self, month: date, now: datetime) -> dict[str, Any]:
        return {
            "source": _SOURCE,
            "account_id": self.account_id,
            "billing_period": f"{month:%Y-%m}",
            "written_at": _text(now),
            "covers_until": _text(min(now, midnight(month_after(month)))),
            "is_cut_off_by_retention": midnight(month) < now - self.kept,
        }


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
