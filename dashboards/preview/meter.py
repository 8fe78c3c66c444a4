"""Meters log files: `make meter LOGS="PATH ..." [OUT=summary.json]`."""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from dashboards.preview.local_meter import LocalMeter, open_local_meter
from dashboards.preview.log_files import LogFile, find_log_files, read_lines
from dashboards.preview.terminal import CommandError, open_console, run_command
from dashboards.preview.usage_report import print_report, write_json
from lambdas.domain.invocations import read_line

_LONG_INPUT_BYTES = 8 * 2**20


def main() -> None:
    """Meter the files and folders named on the command line."""
    options = _parse_arguments()
    if not options.logs:
        message = 'name the logs to read: make meter LOGS="PATH ..." [OUT=summary.json]'
        raise CommandError(message)
    files = find_log_files(options.logs)
    if options.out:
        _check_writable(options.out, files)
    try:
        with open_local_meter() as meter:
            meter_files(meter, files)
            if options.out:
                _write_summary(meter, options.out)
            print_report(meter, open_console())
    except sqlite3.OperationalError as error:
        message = f"the temporary folder {tempfile.gettempdir()} cannot hold what is read: {error}."
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
            lines = read_lines(file, partial(_advance, progress, task, done))
            meter.ingest(file.name, chain.from_iterable(map(read_line, lines)))
            done += file.size


def _advance(progress: Progress, task: TaskID, done_before: int, done_in_file: int) -> None:
    progress.update(task, completed=done_before + done_in_file)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("meter", description=__doc__, allow_abbrev=False)
    parser.add_argument("logs", nargs="*", type=Path, help="files and folders of invocation logs")
    parser.add_argument("--out", type=Path, help="where to write the summary as JSON")
    return parser.parse_args()


def _check_writable(out: Path, logs: Iterable[LogFile]) -> None:
    """Find out before everything is read whether the summary can be written afterwards."""
    if any(out.exists() and out.samefile(file.path) for file in logs):
        message = f"OUT={out} is one of the logs. Name another file."
        raise CommandError(message)
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        message = f"OUT={out} cannot be written. Name a file in a folder that you may write to."
        raise CommandError(message)


def _write_summary(meter: LocalMeter, out: Path) -> None:
    """Write the summary whole or not at all, except to a device such as /dev/stdout."""
    if out.exists() and not out.is_file():
        with out.open("w", encoding="utf-8") as device:
            write_json(meter, device)
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8") as text:
            write_json(meter, text)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    run_command("meter", main)
