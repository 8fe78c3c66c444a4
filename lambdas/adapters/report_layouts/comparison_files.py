"""Stores the comparison of a week as text, for people, and as JSON, for programs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lambdas.adapters.report_layouts.comparison_json import report_json
from lambdas.adapters.report_layouts.comparison_tables import report_tables
from lambdas.adapters.report_layouts.tables import plain_text
from lambdas.adapters.report_layouts.unlogged_usage import unlogged_json, unlogged_tables
from lambdas.domain.reports.comparison import COMPARISON_PREFIX, WeeklyComparison
from lambdas.domain.reports.files import REPORT_NAME, ReportFiles
from lambdas.domain.words import plural


class ComparisonFiles:
    """Two files a week, over those of an earlier run."""

    def __init__(self, files: ReportFiles) -> None:
        """Store them beside other reports."""
        self._files = files

    def write(self, comparison: WeeklyComparison) -> None:
        """Write both files of a week."""
        read = {
            "requests_left_out": comparison.requests_left_out,
            "requests_unread": comparison.requests_unread,
            "unreadable_items": comparison.unreadable_items,
            "not_logged": unlogged_json(comparison.unlogged),
        }
        with TemporaryDirectory() as folder:
            for suffix, content in (
                ("txt", _text(comparison)),
                ("json", report_json(comparison.report, read)),
            ):
                file = Path(folder, f"{REPORT_NAME}.{suffix}")
                file.write_text(content, encoding="utf-8")
                self._files.store(file, f"{COMPARISON_PREFIX}week={comparison.week}/{file.name}")


def _text(comparison: WeeklyComparison) -> str:
    tables = (*report_tables(comparison.report), *unlogged_tables(comparison.unlogged))
    text = plain_text(tables)
    if comparison.requests_unread is not None:
        text += f"\nNot all requests were looked at: {comparison.requests_unread}.\n"
    if comparison.requests_left_out:
        text += f"\n{plural(comparison.requests_left_out, 'request')} did not fit in memory.\n"
    if comparison.unreadable_items:
        items = plural(comparison.unreadable_items, "item")
        text += f"\n{items} of the ledger could not be read.\n"
    return text
