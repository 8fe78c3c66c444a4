"""Finds log files behind the paths that a user names: by content in folders, else as named."""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cdk.operations.terminal import CommandError
from dashboards.reports.logs.log_format import EXPECTED_FORMATS, is_blank, is_log, unzipped
from dashboards.reports.logs.skipped_files import SkippedFiles, SkipReason, readable_name

_SUFFIXES = frozenset({".json", ".ndjson", ".jsonl", ".log"})
# Bedrock keeps bodies that are too large for a record, and its permission check, beside the logs.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
_BEDROCKS_FOLDER = "BedrockModelInvocationLogs"
_BODIES_FOLDER = "data"
_BODY_NAME = re.compile(r"_(?:in|out)put(?:_\w+)?\.")
# CloudWatch Logs writes the second one before it exports a log group to S3.
_PERMISSION_CHECKS = ("amazon-bedrock-logs-permission-check", "aws-logs-write-test")


class UnreadableLogsError(CommandError):
    """Logs cannot be found or read."""


class Part(NamedTuple):
    """A part of a file, in bytes: whole lines. The first line starts an object."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of invocation logs, or a part of one.

    Attributes:
        path: The path of the file.
        size: Its size, or that of the part, in bytes as it lies on disk.
        part: The part to read; `None` for all of it.
    """

    path: Path
    size: int
    part: Part | None = None

    @property
    def name(self) -> str:
        """The path as text that can be written anywhere."""
        return readable_name(self.path)

    @property
    def suffix(self) -> str:
        """The suffix that hints at the format: that before `.gz`, if there is one."""
        return _suffix(self.path.name)


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The files behind the paths that a user named.

    Attributes:
        files: Those to read, in order.
        skipped: The others.
    """

    files: list[LogFile] = field(default_factory=list)
    skipped: SkippedFiles = field(default_factory=SkippedFiles)

    def __iter__(self) -> Iterator[LogFile]:
        """The files to read, in order."""
        return iter(self.files)


def find_log_files(paths: Iterable[Path]) -> LogFiles:
    """Find the log files behind paths; folders are searched, in order of name.

    A file that is named is read in any case, unless Bedrock keeps it beside its logs: a body below
    `data/`, or a permission check. In folders the content of a file decides.

    Raises:
        UnreadableLogsError: A path leads nowhere or cannot be read, or a folder has no logs.
    """
    found = LogFiles()
    for path in paths:
        _find_behind(path, found)
    if not found.files:
        message = "there is nothing here but what Bedrock keeps beside its logs."
        raise UnreadableLogsError(message)
    return found


def _find_behind(path: Path, found: LogFiles) -> None:
    try:
        if path.is_dir():
            _find_in(path, found)
            return
        status = path.stat()
    except OSError as error:
        message = f"LOGS: {explain(str(error.filename or path), error)}"
        raise UnreadableLogsError(message) from None
    if not stat.S_ISREG(status.st_mode):
        message = f"{path}: this is no regular file. Write its content to one first."
        raise UnreadableLogsError(message)
    if (reason := _kept_beside_logs(path, path.parent)) is not None:
        found.skipped.add(reason, path)
    else:
        found.files.append(LogFile(path, status.st_size))


def _find_in(folder: Path, found: LogFiles) -> None:
    skipped = SkippedFiles()
    logs = list(_files_in(folder, skipped))
    if not logs and _kept_beside_logs(folder / "any", folder) is None:
        message = f"{folder}: no logs in this folder."
        if reasons := str(skipped):
            message += f" Files that are there: {reasons}. {EXPECTED_FORMATS}"
        raise UnreadableLogsError(message)
    found.files.extend(logs)
    found.skipped.include(skipped)


def _files_in(folder: Path, skipped: SkippedFiles) -> Iterator[LogFile]:
    def note(error: OSError) -> None:
        if (subfolder := Path(error.filename)) == folder:
            raise error
        skipped.add_unreadable(subfolder, explain(readable_name(subfolder), error))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        for link in (path for name in folders if (path := Path(parent, name)).is_symlink()):
            skipped.add(SkipReason.LINK, link)
        for path in (Path(parent, name) for name in sorted(names)):
            if reason := _kept_beside_logs(path, folder) or _find_skip_reason(path):
                skipped.add(reason, path)
            else:
                yield LogFile(path, path.stat().st_size)


def _find_skip_reason(path: Path) -> SkipReason | None:
    """Find the reason to skip a file in a folder; `None` for a log.

    A file that cannot be read now is taken for a log: reading it explains what is wrong with it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return SkipReason.NOT_A_FILE
        with path.open("rb") as on_disk:
            content = unzipped(on_disk)
            if is_blank(content):
                return SkipReason.EMPTY
            has_log_name = _suffix(path.name) in _SUFFIXES
            return None if is_log(content, has_log_name=has_log_name) else SkipReason.NOT_A_LOG
    except (EOFError, zlib.error, OSError):
        return SkipReason.LINK if path.is_symlink() and not path.is_file() else None


def _kept_beside_logs(path: Path, folder: Path) -> SkipReason | None:
    """Recognize files that AWS keeps beside logs, by place and name; `None` for other files.

    Below Bedrock's own folder everything in `data/` is a body. Callers write bodies, and can make
    one look like a log. Below a searched folder, `data/` may be the user's own: there names decide.
    """
    if path.name.startswith(_PERMISSION_CHECKS):
        return SkipReason.PERMISSION_CHECK
    parts = path.absolute().parent.parts
    is_bedrocks = _BEDROCKS_FOLDER in parts
    top = parts.index(_BEDROCKS_FOLDER) + 1 if is_bedrocks else len(folder.absolute().parts)
    is_among_bodies = _BODIES_FOLDER in parts[top:]
    is_body = is_among_bodies and (is_bedrocks or _BODY_NAME.search(path.name))
    return SkipReason.BODY if is_body else None


def explain(name: str, error: OSError) -> str:
    """Explain in a line why a file cannot be read."""
    return f"{name}: {error.strerror or error}."


def _suffix(name: str) -> str:
    return Path(name.removesuffix(".gz")).suffix if name != ".gz" else ""
