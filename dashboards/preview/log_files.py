"""Finds and reads log files: lines, arrays, envelopes, gzipped or not, one file or many."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

from cdk.operations.terminal import CommandError
from dashboards.preview.json_values import EndlessValueError, has_events, split_values
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
"""What goes beyond this in one line is left out, and the line is then no whole record."""

_SUFFIXES = frozenset({".json", ".ndjson", ".jsonl", ".log"})
_LINE_SUFFIXES = _SUFFIXES - {".json"}
# Bedrock keeps bodies that are too large for a record, and its permission check, beside the logs.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
_BEDROCKS_FOLDER = "BedrockModelInvocationLogs"
_BODIES_FOLDER = "data"
_PERMISSION_CHECK = "amazon-bedrock-logs-permission-check"

_OPENS_EVENTS = re.compile(rb'"logEvents"\s*:\s*\[\s*$')
_NOT_ONE_VALUE = ([RejectionReason.NOT_JSON], [RejectionReason.TRUNCATED])
_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 64 * 2**10
_BUFFER_BYTES = 256 * 2**10
_PROGRESS_BYTES = 256 * 2**10


class UnreadableLogsError(CommandError):
    """Logs cannot be found or read."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of invocation logs, and its size in bytes as it lies on disk."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        """The path as text that can be written anywhere."""
        return str(self.path).encode("utf-8", "replace").decode()


def find_log_files(paths: Iterable[Path]) -> list[LogFile]:
    """Find the log files behind paths; folders are searched, in order of name.

    What Bedrock writes beside its logs is passed over: `data/` folders with large bodies, and
    permission checks. In folders, so is every file that is not named like a log.

    Raises:
        UnreadableLogsError: A path leads nowhere or cannot be read, or a folder has no logs.
    """
    files = [file for path in paths for file in _files_behind(path)]
    if not files:
        message = "there is nothing here but what Bedrock keeps beside its logs."
        raise UnreadableLogsError(message)
    return files


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
            for readings in _read(_unzipped(on_disk), file, read):
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


def _files_behind(path: Path) -> list[LogFile]:
    try:
        if path.is_dir():
            return _files_in(path)
        if not stat.S_ISREG((found := path.stat()).st_mode):
            message = f"{path}: this is no regular file. Write its content to one first."
            raise UnreadableLogsError(message)
    except OSError as error:
        raise UnreadableLogsError(_say(str(error.filename or path), error)) from None
    return [] if _is_beside_logs(path, path.parent) else [LogFile(path, found.st_size)]


def _files_in(folder: Path) -> list[LogFile]:
    files = [LogFile(path, path.stat().st_size) for path in _walk(folder)]
    if not files and not _is_beside_logs(folder / "any", folder):
        message = (
            f"{folder}: no logs in this folder. Looked for *{', *'.join(sorted(_SUFFIXES))}"
            f" (or with .gz), outside of {_BODIES_FOLDER}/ folders."
        )
        raise UnreadableLogsError(message)
    return files


def _walk(folder: Path) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=stop):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            is_log = _suffix(name) in _SUFFIXES and not name.startswith(".")
            if is_log and path.is_file() and not _is_beside_logs(path, folder):
                yield path


def _is_beside_logs(path: Path, folder: Path) -> bool:
    """Whether Bedrock keeps no logs here: in `data/` below its own folder, or below `folder`."""
    parts = path.absolute().parent.parts
    top = len(folder.absolute().parts)
    if _BEDROCKS_FOLDER in parts:
        top = parts.index(_BEDROCKS_FOLDER) + 1
    return _BODIES_FOLDER in parts[top:] or _PERMISSION_CHECK in path.name


def _suffix(name: str) -> str:
    """The suffix that tells the format: that before `.gz`, if there is one."""
    return Path(name.removesuffix(".gz")).suffix if name != ".gz" else ""


def _say(name: str, error: OSError) -> str:
    return f"{name}: {error.strerror or error}."


def _unzipped(on_disk: BinaryIO) -> BinaryIO:
    """The file's content; whether it is gzipped is seen from it, not from its name."""
    magic = on_disk.read(len(_GZIP_MAGIC))
    on_disk.seek(0)
    if magic != _GZIP_MAGIC:
        return on_disk
    members = cast("io.RawIOBase", gzip.GzipFile(fileobj=on_disk))
    return cast("BinaryIO", io.BufferedReader(members, _BUFFER_BYTES))


class _Layout(Enum):
    LINES = "lines"
    VALUES = "values"


def _read(content: BinaryIO, file: LogFile, read: ReadInvocation) -> Iterator[list[Reading]]:
    head = content.read(_HEAD_BYTES)
    if head.startswith(_UTF16_MARKS):
        message = f"{file.name}: this is UTF-16 text. Save it as UTF-8."
        raise UnreadableLogsError(message)
    content.seek(len(_UTF8_MARK) if head.startswith(_UTF8_MARK) else 0)
    if _layout(head.removeprefix(_UTF8_MARK).lstrip(), _suffix(file.path.name)) is _Layout.VALUES:
        return (read_value(value, read) for value in split_values(content))
    return (_read_line(line, read) for line in _lines(content))


def _lines(content: BinaryIO) -> Iterator[bytes]:
    while line := content.readline(LONGEST_LINE_BYTES):
        rest = line
        while len(rest) == LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
            rest = content.readline(LONGEST_LINE_BYTES)
        if text := line.strip():
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
