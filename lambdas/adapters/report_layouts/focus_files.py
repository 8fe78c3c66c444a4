"""Files of costs: rows as CSV and Parquet, and a manifest of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from lambdas.adapters.report_layouts.focus_csv import describe_file, write_csv_file
from lambdas.adapters.report_layouts.focus_manifest import build_credit_manifest, build_manifest
from lambdas.adapters.report_layouts.unlogged_usage import unlogged_json
from lambdas.domain.reports.files import REPORT_NAME, ReportFiles
from lambdas.domain.reports.focus import (
    COLUMNS,
    COSTS_PREFIX,
    Column,
    CostTotals,
    CreditSums,
    PeriodCosts,
    Row,
)
from lambdas.domain.times import write_seconds

_PARQUET_SUFFIX = ".parquet"
ToParquet: TypeAlias = Callable[[Path, Path], int]
"""Writes a CSV file as Parquet."""
_SOURCE = "Bedrock Meter"


def write_rows(
    rows: Iterable[Row],
    files: Sequence[Path],
    to_parquet: ToParquet,
    columns: Sequence[Column] = COLUMNS,
) -> None:
    """Write rows to files, in the formats that their names say.

    Args:
        rows: The rows.
        files: A CSV file, a Parquet file, or both.
        to_parquet: Writes a CSV file as Parquet.
        columns: The columns of the rows.

    Raises:
        OSError: They cannot be written.
    """
    with TemporaryDirectory() as folder:
        csv = next(
            (file for file in files if file.suffix != _PARQUET_SUFFIX), Path(folder, "rows.csv.gz")
        )
        write_csv_file(rows, csv, columns)
        for file in files:
            if file.suffix == _PARQUET_SUFFIX:
                to_parquet(csv, file)


def write_manifest(
    path: Path, totals: CostTotals, files: Sequence[Path], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the manifest of files; return it.

    Args:
        path: The manifest.
        totals: The totals of the rows in the files.
        files: The files with the rows.
        facts: Further entries, such as the period.

    Raises:
        OSError: It cannot be written, or a file not be read.
    """
    manifest = build_manifest(totals, files=[describe_file(file) for file in files], facts=facts)
    _write_json(path, manifest)
    return manifest


def write_credit_manifest(
    path: Path, sums: CreditSums, files: Sequence[Path], facts: Mapping[str, Any]
) -> None:
    """Write the manifest of files of credits.

    Args:
        path: The manifest.
        sums: The sums of the rows in the files.
        files: The files with the rows.
        facts: Further entries, such as the period.

    Raises:
        OSError: It cannot be written, or a file not be read.
    """
    described = [describe_file(file) for file in files]
    _write_json(path, build_credit_manifest(sums, files=described, facts=facts))


def _write_json(path: Path, manifest: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


class FocusFiles:
    """Three files a billing period, over those of an earlier run."""

    def __init__(self, files: ReportFiles, to_parquet: ToParquet) -> None:
        """Store them beside other reports.

        Args:
            files: The store of the files.
            to_parquet: Writes a CSV file as Parquet.
        """
        self._files = files
        self._to_parquet = to_parquet

    def write(self, costs: PeriodCosts, rows: Iterable[Row]) -> dict[str, Any]:
        """Write the files of a period, the manifest last; return the manifest."""
        period = f"billing_period={costs.month:%Y-%m}"
        with TemporaryDirectory() as folder:
            csv = Path(folder, f"{REPORT_NAME}.csv.gz")
            parquet = Path(folder, f"{REPORT_NAME}{_PARQUET_SUFFIX}")
            beside = Path(folder, f"{REPORT_NAME}.json")
            write_rows(rows, [csv, parquet], self._to_parquet)
            manifest = write_manifest(beside, costs.totals, [csv, parquet], _facts(costs))
            for kind, file in (("csv", csv), ("parquet", parquet), ("manifests", beside)):
                self._files.store(file, f"{COSTS_PREFIX}{kind}/{period}/{file.name}")
        return manifest


def _facts(costs: PeriodCosts) -> dict[str, Any]:
    return {
        "source": _SOURCE,
        "account_id": costs.account_id,
        "billing_period": f"{costs.month:%Y-%m}",
        "written_at": write_seconds(costs.written_at),
        "covers_until": write_seconds(costs.covers_until),
        "is_cut_off_by_retention": costs.is_cut_off_by_retention,
        "identity_detail": costs.totals.identity_detail.label,
        "unreadable_items": costs.unreadable_items,
        "not_logged": unlogged_json(costs.unlogged),
    }
