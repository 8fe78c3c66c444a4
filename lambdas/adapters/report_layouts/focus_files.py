"""Stores the costs of a billing period as CSV and Parquet, and a manifest of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lambdas.adapters.report_layouts.focus_csv import describe_file, write_csv_file
from lambdas.adapters.report_layouts.focus_manifest import manifest_of
from lambdas.domain.reports.files import REPORT_NAME, ReportFiles
from lambdas.domain.reports.focus import COSTS_PREFIX, PeriodCosts, Row

_SOURCE = "Bedrock Meter"


class FocusFiles:
    """Three files a billing period, over those of an earlier run."""

    def __init__(self, files: ReportFiles, to_parquet: Callable[[Path, Path], int]) -> None:
        """Store them beside other reports.

        Args:
            files: Where they go.
            to_parquet: Writes a CSV file as Parquet.
        """
        self._files = files
        self._to_parquet = to_parquet

    def write(self, costs: PeriodCosts, rows: Iterable[Row]) -> dict[str, Any]:
        """Write the files of a period, the manifest last; return the manifest."""
        period = f"billing_period={costs.month:%Y-%m}"
        with TemporaryDirectory() as folder:
            csv = Path(folder, f"{REPORT_NAME}.csv.gz")
            parquet = Path(folder, f"{REPORT_NAME}.parquet")
            write_csv_file(rows, csv)
            self._to_parquet(csv, parquet)
            manifest = manifest_of(
                costs.sums,
                priced_invocations=costs.priced_invocations,
                left_out=costs.left_out,
                files=[describe_file(csv), describe_file(parquet)],
                facts=_facts(costs),
            )
            beside = Path(folder, f"{REPORT_NAME}.json")
            beside.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            for kind, file in (("csv", csv), ("parquet", parquet), ("manifests", beside)):
                self._files.keep(file, f"{COSTS_PREFIX}{kind}/{period}/{file.name}")
        return manifest


def _facts(costs: PeriodCosts) -> dict[str, Any]:
    return {
        "source": _SOURCE,
        "account_id": costs.account_id,
        "billing_period": f"{costs.month:%Y-%m}",
        "written_at": _time_text(costs.written_at),
        "covers_until": _time_text(costs.covers_until),
        "is_cut_off_by_retention": costs.is_cut_off_by_retention,
        "identity_detail": costs.identity_detail.label,
        "unreadable_items": costs.unreadable_items,
    }


def _time_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
