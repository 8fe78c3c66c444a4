"""Meters log files: `make meter LOGS="PATH ..." [BY="month project"] [OUT=summary.json]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdk.config import read_config
from cdk.operations.terminal import open_console
from dashboards.reports.commands import (
    check_for_gaps,
    explained_failures,
    without_output,
    write_report,
)
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.tallied_logs import meter_logs
from dashboards.reports.usage_json import START_OF_SUMMARY, summary_json
from dashboards.reports.usage_report import Grouping, print_report
from lambdas.domain.usage import GroupField


def report_usage(logs: Sequence[Path], out: Path | None, grouping: Grouping) -> None:
    """Meter files and folders; print the tables, and write the summary where `out` says."""
    files = find_log_files(logs)
    if out:
        files = without_output(out, files, START_OF_SUMMARY)
    with explained_failures():
        config = read_config()
        rules = config.attribution_rules if GroupField.PROJECT in grouping.by else None
        with meter_logs(files, config.pricing, rules) as meter:
            if out is None or write_report(out, summary_json(meter, grouping.by)):
                print_report(meter, open_console(), grouping)
            check_for_gaps(meter)
