"""Meters log files: `make meter LOGS="PATH ..." [OUT=summary.json]`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from cdk.config import ConfigurationError, read_config
from cdk.operations.terminal import CommandError, open_console, run_command
from dashboards.preview.local_meter import LocalMeter, open_local_meter
from dashboards.preview.log_files import LogFile, find_log_files, read_log_file
from dashboards.preview.usage_report import is_summary, print_report, write_json

_LONG_INPUT_BYTES = 8 * 2**20
_STANDARD_OUTPUT = 1


def main() -> None:
    """Meter the files and folders named on the command line."""
    options = _parse_arguments()
    if not options.logs:
        message = 'name the logs to read: make meter LOGS="PATH ..." [OUT=summary.json]'
        raise CommandError(message)
    files = find_log_files(options.logs)
    if options.out:
        files = _without(options.out, files)
    try:
        with open_local_meter(pricing=read_config().pricing) as meter:
            meter_files(meter, files)
            _report(meter, options.out)
    except ConfigurationError as error:
        raise CommandError(" ".join(str(error).split())) from None
    except sqlite3.OperationalError as error:
        message = f"the temporary folder cannot hold what is read: {error}. Set TMPDIR to another."
        raise CommandError(message) from None


def meter_files(meter: LocalMeter, files: Iterable[LogFile]) -> None:
    """Meter files one after the other, with a progress bar where there is much to read.

    Raises:
        UnreadableLogsError: A file cannot be read to its end.
    """
    files = list(files)
    total = sum(file.size for file in files)
    errors = Console(stderr=True)
    is_hidden = total < _LONG_INPUT_BYTES or not errors.is_terminal
    with Progress(console=errors, transient=True, disable=is_hidden) as progress:
        task = progress.add_task("Metering", total=total)
        done = 0
        for file in files:
            advance = partial(_advance, progress, task, done)
            meter.ingest(file.name, read_log_file(file, advance))
            done += file.size


def _advance(progress: Progress, task: TaskID, done_before: int, done_in_file: int) -> None:
    progress.update(task, completed=done_before + done_in_file)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("meter", description=__doc__, allow_abbrev=False)
    parser.add_argument("logs", nargs="*", type=Path, help="files and folders of invocation logs")
    parser.add_argument("--out", type=Path, help="where to write the summary as JSON")
    return parser.parse_args()


def _without(out: Path, files: Sequence[LogFile]) -> list[LogFile]:
    """Find out before everything is read whether the summary can be written.

    An earlier summary among the logs is left out; a log is not overwritten.
    """
    try:
        if out.is_dir() or not out.resolve().parent.is_dir() or not _is_writable(out):
            message = f"OUT={out} cannot be written. Name a file in a folder that you may write to."
            raise CommandError(message)
        if not out.exists():
            return list(files)
        others = [file for file in files if not out.samefile(file.path)]
        if len(others) < len(files) and not is_summary(out):
            message = f"OUT={out} is one of the logs. Name another file."
            raise CommandError(message)
    except OSError as error:
        message = f"OUT={out}: {error.strerror}."
        raise CommandError(message) from None
    return others


def _is_writable(out: Path) -> bool:
    return os.access(out if out.exists() else out.parent, os.W_OK)


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
