"""What commands that meter logs share: what they read, what they may write, how they fail."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from cdk.config import ConfigurationError
from cdk.operations.terminal import CommandError
from dashboards.preview.local_meter import LocalMeter
from dashboards.preview.log_files import LogFile, read_log_file
from lambdas.domain.invocations import ReadInvocation, read_invocation

_LONG_INPUT_BYTES = 8 * 2**20


@contextmanager
def explained_failures() -> Iterator[None]:
    """Say in a line what is wrong with the configuration, or with the temporary folder.

    Raises:
        CommandError: Something is.
    """
    try:
        yield
    except ConfigurationError as error:
        raise CommandError(" ".join(str(error).split())) from None
    except sqlite3.OperationalError as error:
        message = f"the temporary folder cannot hold what is read: {error}. Set TMPDIR to another."
        raise CommandError(message) from None


def meter_files(
    meter: LocalMeter, files: Iterable[LogFile], read: ReadInvocation = read_invocation
) -> None:
    """Meter files one after the other, with a progress bar where there is much to read.

    Args:
        meter: What meters.
        files: The files.
        read: Reads each invocation log.

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
            meter.ingest(file.name, read_log_file(file, advance, read))
            done += file.size


def _advance(progress: Progress, task: TaskID, done_before: int, done_in_file: int) -> None:
    progress.update(task, completed=done_before + done_in_file)


def without_output(
    out: Path, files: Sequence[LogFile], is_ours: Callable[[Path], bool]
) -> list[LogFile]:
    """Find out before everything is read whether a file can be written.

    What the same command wrote before is left out of the logs; a log is not overwritten.

    Args:
        out: The file.
        files: The logs.
        is_ours: Whether a file is what the command writes.

    Raises:
        CommandError: It cannot be written, or it is a log.
    """
    try:
        if out.is_dir() or not out.resolve().parent.is_dir() or not _is_writable(out):
            message = f"OUT={out} cannot be written. Name a file in a folder that you may write to."
            raise CommandError(message)
        if not out.exists():
            return list(files)
        others = [file for file in files if not out.samefile(file.path)]
        if len(others) < len(files) and not is_ours(out):
            message = f"OUT={out} is one of the logs. Name another file."
            raise CommandError(message)
    except OSError as error:
        message = f"OUT={out}: {error.strerror}."
        raise CommandError(message) from None
    return others


def _is_writable(out: Path) -> bool:
    return os.access(out if out.exists() else out.parent, os.W_OK)
