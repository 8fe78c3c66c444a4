"""Input, output and errors of the commands that meter logs."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cdk.config import ConfigurationError
from cdk.operations.terminal import CommandError, IncompleteError
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.logs.log_files import LogFile, LogFiles, UnreadableLogsError
from dashboards.reports.logs.log_format import EXPECTED_FORMATS, is_blank_file
from dashboards.reports.logs.log_reader import read_log_file
from dashboards.reports.logs.skipped_files import SkipReason
from dashboards.reports.part_progress import PartProgress
from dashboards.reports.usage_notes import REJECTION_MEANINGS
from lambdas.domain.invocations import Reading, ReadInvocation, read_invocation

_STANDARD_OUTPUT = 1
_OTHER_FORMATS = frozenset({".csv", ".gz", ".html", ".md", ".parquet", ".tsv", ".txt", ".xlsx"})


@contextmanager
def explained_failures() -> Iterator[None]:
    """Explain in a line a fault of the configuration or of the temporary folder.

    Raises:
        CommandError: One of them has a fault.
    """
    try:
        yield
    except ConfigurationError as error:
        raise CommandError(*error.lines) from None
    except sqlite3.OperationalError as error:
        message = f"the temporary folder cannot hold what is read: {error}. Set TMPDIR to another."
        raise CommandError(message) from None


def meter_files(meter: LocalMeter, found: LogFiles, read: ReadInvocation = read_invocation) -> None:
    """Meter files one after the other, with a progress bar where there is much to read.

    A damaged file is counted as far as it can be read, and noted as unreadable.

    Args:
        meter: The meter that counts.
        found: The files.
        read: Reads each invocation log.
    """
    meter.skipped.include(found.skipped)
    files = list(found)
    progress = PartProgress(files)

    def ingest() -> Iterator[LogFile]:
        for place, file in enumerate(files):
            readings = read_log_file(file, progress.follow(place), read)
            meter.ingest(file.name, _counted(file, readings, meter))
            yield file

    progress.collect(ingest())


def _counted(file: LogFile, readings: Iterator[Reading], meter: LocalMeter) -> Iterator[Reading]:
    """Yield what can be read of a file; count the file as read, or as not readable to its end."""
    problem = None
    try:
        yield from readings
    except UnreadableLogsError as error:
        problem = str(error)
    count_file(meter, file, problem)


def count_file(meter: LocalMeter, file: LogFile, problem: str | None) -> None:
    """Count a file as read, or as not readable to its end.

    Args:
        meter: The meter that counts.
        file: The file.
        problem: The reason why it cannot be read to its end; `None` where it was.
    """
    if problem is None:
        meter.files_read += 1
    else:
        meter.skipped.add_unreadable(file.path, problem)


def check_for_logs(meter: LocalMeter, found: LogFiles) -> None:
    """Make a command fail before it writes anything if nothing in the files is a log.

    A log without calls is one: a search without results, or Bedrock's permission notice.

    Raises:
        CommandError: Nothing is.
    """
    report = meter.report
    if report.accepted or report.ignored:
        return
    if report.rejected:
        reasons = ", ".join(
            f"{count:,} {reason} ({REJECTION_MEANINGS[reason]})"
            for reason, count in meter.quarantine.count_by_reason().items()
        )
        first = next(iter(meter.quarantine))
        message = (
            f"none of this looks like an invocation log of Amazon Bedrock. Rejected: {reasons};"
            f" the first is line {first.line} of {first.source}. {EXPECTED_FORMATS}"
        )
        raise CommandError(message)
    if meter.skipped.problems:
        raise CommandError(*meter.skipped.problems)
    if all(is_blank_file(file.path) for file in found):
        message = f"the files are empty. {EXPECTED_FORMATS}"
        raise CommandError(message)


def check_for_gaps(meter: LocalMeter) -> None:
    """Make a command fail after its report if the report lacks calls that may be there.

    Raises:
        IncompleteError: A file or a folder could not be read to its end.
    """
    report_gaps(meter.skipped.count(SkipReason.UNREADABLE), meter.skipped.problems)


def report_gaps(count: int, problems: Sequence[str]) -> None:
    """Make a command fail if files or folders could not be read to their end.

    Args:
        count: The number of these files and folders.
        problems: The problems of the first ones.

    Raises:
        IncompleteError: There are some.
    """
    if count:
        message = (
            f"{count:,} of the files and folders could not be read to the end; what could be read"
            " is counted."
        )
        more = [f"and {count - len(problems):,} more"] if count > len(problems) else []
        raise IncompleteError(message, *problems, *more)


def require_json_name(out: Path) -> None:
    """Check that the name of a file is not one of another format than JSON.

    Raises:
        CommandError: It is.
    """
    if out.suffix.lower() in _OTHER_FORMATS:
        message = (
            f"--out {out}: the file is JSON, so name it .json. make focus writes costs as CSV or"
            " Parquet."
        )
        raise CommandError(message)


def without_output(out: Path, found: LogFiles, start: str | None = None) -> LogFiles:
    """Check that a file can be written, before the logs are read.

    What the same command wrote before is left out of the logs; a log is not overwritten.

    Args:
        out: The file.
        found: The logs.
        start: The first characters of a file that the command writes; `None` if such files never
            look like logs.

    Raises:
        CommandError: It cannot be written, or it is a log.
    """
    try:
        if out.is_dir() or not out.resolve().parent.is_dir() or not _is_writable(out):
            message = (
                f"--out {out} cannot be written. Name a file in a folder that you may write to."
            )
            raise CommandError(message)
        if not out.exists():
            return found
        others = [file for file in found if not out.samefile(file.path)]
        if len(others) < len(found.files) and not _starts_with(out, start):
            message = f"--out {out} is one of the logs. Name another file."
            raise CommandError(message)
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    return LogFiles(others, found.skipped)


def _is_writable(out: Path) -> bool:
    return os.access(out if out.exists() else out.parent, os.W_OK)


def _starts_with(path: Path, start: str | None) -> bool:
    if start is None:
        return False
    with path.open("rb") as file:
        return file.read(len(start)) == start.encode()


def write_report(out: Path, pieces: Iterable[str]) -> bool:
    """Write a report, piece by piece.

    Returns:
        True if tables may be printed after it: not if the report went to standard output.

    Raises:
        CommandError: It cannot be written.
    """
    try:
        if _is_standard_output(out):
            sys.stdout.writelines(pieces)
            sys.stdout.flush()
            return False
        with out.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    return True


def _is_standard_output(out: Path) -> bool:
    return out.exists() and os.path.samestat(out.stat(), os.fstat(_STANDARD_OUTPUT))
