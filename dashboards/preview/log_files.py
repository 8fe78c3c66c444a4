"""Finds and reads log files: lines, arrays, envelopes, gzipped or not, one file or many."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from cdk.operations.terminal import CommandError
from dashboards.preview.json_values import EndlessValueError, has_events, split_values
from dashboards.preview.log_sniffing import (
    EVENT_TIME,
    UTF8_MARK,
    UTF16_MARKS,
    is_blank,
    is_log,
    unzipped,
)
from dashboards.preview.skipped_files import SkippedFiles, SkipReason, readable_name
from lambdas.domain.invocations import (
    Reading,
    ReadInvocation,
    RejectionReason,
    read_invocation,
    read_line,
    read_value,
)
from lambdas.domain.invocations.decoding import Undecodable, decode_json

LONGEST_LINE_BYTES = 64 * 2**20
"""A longer line is read value by value, since Firehose writes no line breaks."""

_SUFFIXES = frozenset({".json", ".ndjson", ".jsonl", ".log"})
_LINE_SUFFIXES = _SUFFIXES - {".json"}
# Bedrock keeps bodies that are too large for a record, and its permission check, beside the logs.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
_BEDROCKS_FOLDER = "BedrockModelInvocationLogs"
_BODIES_FOLDER = "data"
_BODY_NAME = re.compile(r"_(?:in|out)put(?:_\w+)?\.")
# CloudWatch Logs writes the second one before it exports a log group to S3.
_PERMISSION_CHECKS = ("amazon-bedrock-logs-permission-check", "aws-logs-write-test")

_OPENS_EVENTS = re.compile(rb'"logEvents"\s*:\s*\[\s*$')
_NOT_ONE_VALUE = ([RejectionReason.NOT_JSON], [RejectionReason.TRUNCATED])
_HEAD_BYTES = 64 * 2**10
_PROGRESS_BYTES = 256 * 2**10


class UnreadableLogsError(CommandError):
    """Logs cannot be found or read."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of invocation logs.

    Attributes:
        path: Where it is.
        size: Its size in bytes as it lies on disk.
        is_named: Whether the user named it, rather than a folder that it is in.
    """

    path: Path
    size: int
    is_named: bool = True

    @property
    def name(self) -> str:
        """The path as text that can be written anywhere."""
        return readable_name(self.path)


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


def read_log_file(
    file: LogFile,
    on_progress: Callable[[int], None],
    read: ReadInvocation = read_invocation,
) -> Iterator[Reading]:
    """Read the messages of a file, in order: what each turned out to be.

    Args:
        file: What to read.
        on_progress: Told now and then how many bytes of the file on disk have been read.
        read: Reads each invocation log.

    Raises:
        UnreadableLogsError: The file cannot be read to its end.
    """
    try:
        with file.path.open("rb") as on_disk:
            told = 0
            for readings in _read(unzipped(on_disk), file, read):
                yield from readings
                if (position := on_disk.tell()) - told >= _PROGRESS_BYTES:
                    on_progress(told := position)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        message = f"{file.name}: the gzip data is damaged or cut off. Fetch the file again."
        raise UnreadableLogsError(message) from None
    except EndlessValueError:
        message = f"{file.name}: one JSON value goes on for too long. Is it an invocation log?"
        raise UnreadableLogsError(message) from None
    except OSError as error:
        raise UnreadableLogsError(_say(file.name, error)) from None


def _find_behind(path: Path, found: LogFiles) -> None:
    try:
        if path.is_dir():
            _find_in(path, found)
            return
        status = path.stat()
    except OSError as error:
        raise UnreadableLogsError(_say(str(error.filename or path), error)) from None
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
            message += f" Files that are there: {reasons}."
        raise UnreadableLogsError(message)
    found.files.extend(logs)
    found.skipped.include(skipped)


def _files_in(folder: Path, skipped: SkippedFiles) -> Iterator[LogFile]:
    def note(error: OSError) -> None:
        if (subfolder := Path(error.filename)) == folder:
            raise error
        skipped.add_unreadable(subfolder, _say(readable_name(subfolder), error))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        for link in (path for name in folders if (path := Path(parent, name)).is_symlink()):
            skipped.add(SkipReason.LINK, link)
        for path in (Path(parent, name) for name in sorted(names)):
            if reason := _kept_beside_logs(path, folder) or _why_skipped(path):
                skipped.add(reason, path)
            else:
                yield LogFile(path, path.stat().st_size, is_named=False)


def _why_skipped(path: Path) -> SkipReason | None:
    """Say why a file in a folder is not read; `None` for a log.

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
    """Say what AWS keeps here beside logs; `None` for nothing that its place and name give away.

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


def _suffix(name: str) -> str:
    """The suffix that hints at the format: that before `.gz`, if there is one."""
    return Path(name.removesuffix(".gz")).suffix if name != ".gz" else ""


def _say(name: str, error: OSError) -> str:
    return f"{name}: {error.strerror or error}."


class _Layout(Enum):
    LINES = "lines"
    VALUES = "values"


def _read(content: BinaryIO, file: LogFile, read: ReadInvocation) -> Iterator[list[Reading]]:
    head = content.read(_HEAD_BYTES)
    if head.startswith(UTF16_MARKS):
        message = f"{file.name}: this is UTF-16 text. Save it as UTF-8."
        raise UnreadableLogsError(message)
    content.seek(len(UTF8_MARK) if head.startswith(UTF8_MARK) else 0)
    if _layout(head.removeprefix(UTF8_MARK).lstrip(), _suffix(file.path.name)) is _Layout.VALUES:
        return (read_value(value, read) for value in split_values(content))
    return _read_lines(content, read)


def _read_lines(content: BinaryIO, read: ReadInvocation) -> Iterator[list[Reading]]:
    for message in _messages(content):
        if isinstance(message, _LongLine):
            yield from _read_long_line(message, read)
        else:
            yield _read_line(message, read)


class _LongLine:
    """A line that is too long to hold, as a stream that ends where the line does."""

    def __init__(self, start: bytes, content: BinaryIO) -> None:
        """Stream the start of the line, then the rest of it from the content."""
        self._start = start
        self._content = content
        self._is_over = False

    def read(self, size: int, /) -> bytes:
        """Read a part of the line; empty at its end."""
        part, self._start = self._start, b""
        if not part and not self._is_over:
            part = self._content.readline(size)
        self._is_over = self._is_over or part.endswith(b"\n") or not part
        return part


def _read_long_line(line: _LongLine, read: ReadInvocation) -> Iterator[list[Reading]]:
    try:
        for value in split_values(line):
            yield read_value(value, read)
    except EndlessValueError:
        yield [RejectionReason.TRUNCATED]
        while line.read(_HEAD_BYTES):
            pass


def _messages(content: BinaryIO) -> Iterator[bytes | _LongLine]:
    """Yield each line, and each message that an export of a log group begins with its time.

    A message with line breaks goes on in the next lines. They are taken for a part of it only if it
    is cut off where its first line ends, so that a stray line costs no record before it.
    """
    held: list[bytes] = []
    held_bytes = 0
    for line in _lines(content):
        if isinstance(line, _LongLine):
            yield from _joined(held)
            held = []
            yield line
            continue
        timed = EVENT_TIME.match(line)
        goes_on = timed is None and _goes_on(held, line) and held_bytes < LONGEST_LINE_BYTES
        if not goes_on:
            yield from _joined(held)
            held, held_bytes = [], 0
        if goes_on or timed:
            held.append(line[timed.end() :] if timed else line)
            held_bytes += len(line)
        else:
            yield line
    yield from _joined(held)


def _joined(lines: list[bytes]) -> Iterator[bytes]:
    if lines:
        yield b"\n".join(lines)


def _goes_on(held: list[bytes], line: bytes) -> bool:
    """Whether a message that began with its time goes on in a line that does not."""
    if not held or line.startswith(b"{"):
        return False
    return len(held) > 1 or decode_json(held[0]) is Undecodable.TRUNCATED


def _lines(content: BinaryIO) -> Iterator[bytes | _LongLine]:
    while line := content.readline(LONGEST_LINE_BYTES):
        if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
            long = _LongLine(line, content)
            yield long
            while long.read(_HEAD_BYTES):
                pass
        elif text := line.strip():
            yield text


def _read_line(line: bytes, read: ReadInvocation) -> list[Reading]:
    """Read a line, also one that holds several objects: Firehose puts nothing between them."""
    readings = read_line(line, read)
    if line.startswith(b"{") and readings in _NOT_ONE_VALUE:
        values = list(split_values(io.BytesIO(line)))
        *whole, last = (decode_json(value) for value in values)
        is_cut_off = last is Undecodable.TRUNCATED
        if whole and all(isinstance(it, dict) for it in (*whole, {} if is_cut_off else last)):
            return [reading for value in values for reading in read_value(value, read)]
    return readings


def _layout(head: bytes, suffix: str) -> _Layout:
    """Tell from its first bytes how a file is laid out."""
    first, _, rest = head.partition(b"\n")
    if head.startswith(b"["):
        opens_objects = head[1:].lstrip().startswith(b"{")
        is_one_of_lines = rest.strip() and not isinstance(decode_json(first), Undecodable)
        is_array = suffix not in _LINE_SUFFIXES and not is_one_of_lines
        return _Layout.VALUES if opens_objects or is_array else _Layout.LINES
    is_document = has_events(head) or _is_pretty(first, rest)
    return _Layout.VALUES if head.startswith(b"{") and is_document else _Layout.LINES


def _is_pretty(first: bytes, rest: bytes) -> bool:
    """Whether an object spreads over lines: its second line is no other object."""
    if not isinstance(decode_json(first), Undecodable):
        return False
    return rest.lstrip().startswith((b'"', b"}", b",")) or bool(_OPENS_EVENTS.search(first))
