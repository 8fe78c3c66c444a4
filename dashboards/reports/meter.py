"""Meters log files: `make meter LOGS="PATH ..." [OUT=summary.json]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cdk.config import read_config
from cdk.operations.terminal import CommandError, open_console
from dashboards.reports.commands import check_for_gaps, explained_failures, without_output
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.tallied_logs import meter_logs
from dashboards.reports.usage_json import is_summary, write_json
from dashboards.reports.usage_report import print_report

_STANDARD_OUTPUT = 1


def report_usage(logs: Sequence[Path], out: Path | None) -> None:
    """Meter files and folders; print the tables, and write the summary where `out` says."""
    files = find_log_files(logs)
    if out:
        files = without_output(out, files, is_summary)
    with explained_failures(), meter_logs(files, read_config().pricing) as meter:
        _report(meter, out)
        check_for_gaps(meter)


def _report(meter: LocalMeter, out: Path | None) -> None:
    """Write the summary and print the tables; where both go to standard output, only the first."""
    try:
        if out is not None and _is_standard_output(out):
            write_json(meter, sys.stdout)
            sys.stdout.flush()
            return
        if out is not None:
            with out.open("w", encoding="utf-8") as text:
                write_json(meter, text)
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    print_report(meter, open_console())


def _is_standard_output(out: Path) -> bool:
    return out.exists() and os.path.samestat(out.stat(), os.fstat(_STANDARD_OUTPUT))
