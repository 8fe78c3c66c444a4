"""Meters log files: `make meter LOGS="PATH ..." [OUT=summary.json]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cdk.config import read_config
from cdk.operations.terminal import CommandError, open_console, run_command
from dashboards.reports.commands import check_for_gaps, explained_failures, without_output
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.tallied_logs import meter_logs
from dashboards.reports.usage_json import is_summary, write_json
from dashboards.reports.usage_report import print_report

_STANDARD_OUTPUT = 1


def main() -> None:
    """Meter the files and folders named on the command line."""
    options = _parse_arguments()
    if not options.logs:
        message = 'name the logs to read: make meter LOGS="PATH ..." [OUT=summary.json]'
        raise CommandError(message)
    files = find_log_files(options.logs)
    if options.out:
        files = without_output(options.out, files, is_summary)
    with explained_failures(), meter_logs(files, read_config().pricing) as meter:
        _report(meter, options.out)
        check_for_gaps(meter)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("meter", description=__doc__, allow_abbrev=False)
    parser.add_argument("logs", nargs="*", type=Path, help="files and folders of invocation logs")
    parser.add_argument("--out", type=Path, help="where to write the summary as JSON")
    return parser.parse_args()


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
        message = f"OUT={out}: {error.strerror}."
        raise CommandError(message) from None
    print_report(meter, open_console())


def _is_standard_output(out: Path) -> bool:
    return out.exists() and os.path.samestat(out.stat(), os.fstat(_STANDARD_OUTPUT))


if __name__ == "__main__":
    run_command("meter", main)
