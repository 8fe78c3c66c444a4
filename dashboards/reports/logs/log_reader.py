"""Reads log files: lines, arrays, envelopes, exports of log groups, gzipped or not."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import TYPE_CHECKING

from pydantic_core import from_json

from dashboards.reports.logs.json_values import EndlessValueError, has_events, split_values
from dashboards.reports.logs.log_files import LogFile, Part, UnreadableLogsError, explain
from dashboards.reports.logs.log_format import EVENT_TIME, UTF8_MARK, UTF16_MARKS, unzipped
from dashboards.reports.logs.log_tables import find_table
from lambdas.domain.invocations import (
    Reading,
    ReadInvocation,
    RejectionReason,
    read_invocation,
    read_line,
    read_value,
)
from lambdas.domain.invocations.decoding import Undecodable, decode_json

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_LINE_BYTES = 16 * 2**20
"""A longer line is read value by value, since Firehose writes no line breaks."""

_LINE_SUFFIXES = frozenset({".ndjson", ".jsonl", ".log"})
_OPENS_EVENTS = re.compile(rb'"logEvents"\s*:\s*\[\s*$')
_MORE_THAN_ONE = re.compile(rb"\}\s*\{")
_NOT_ONE_VALUE = ([RejectionReason.NOT_JSON], [RejectionReason.TRUNCATED])
# --query "events[].[message,timestamp]" --output text
_TIME_AFTER = re.compile(rb"(?<=\})\t\d{13}$")
_HEAD_BYTES = 64 * 2**10
_BLOCK_BYTES = 2**20
_PROGRESS_BYTES = 256 * 2**10


def read_log_file(
    file: LogFile,
    on_progress: Callable[[int], None],
    read: ReadInvocation = read_invocation,
) -> Iterator[Reading]:
    """Read the messages of a file, in order.

    Args:
        file: The file.
        on_progress: Called now and then with the number of bytes on disk that have been read.
        read: Reads each invocation log.

    Raises:
        UnreadableLogsError: The file cannot be read to its end.
    """
    with explained_read_errors(file), file.path.open("rb") as on_disk:
        reported = on_disk.tell()
        content = open_content(on_disk, file)
        values = None if file.part else read_table(content, read)
        if values is None:
            values = (
                read_lines(content, read)
                if holds_lines(content, file)
                else (read_value(value, read) for value in split_values(content))
            )
        for readings in values:
            yield from readings
            if (position := get_position(on_disk)) - reported >= _PROGRESS_BYTES:
                on_progress(reported := position)


def get_position(on_disk: BufferedReader) -> int:
    """Get the number of bytes on disk that have been read."""
    return on_disk.tell()


@contextmanager
def explained_read_errors(file: LogFile) -> Iterator[None]:
    """Explain in a line why a file cannot be read to its end.

    Raises:
        UnreadableLogsError: It cannot.
    """
    try:
        yield
    except (EOFError, zlib.error):
        message = f"{file.name}: the gzip data is damaged or cut off. Fetch the file again."
        raise UnreadableLogsError(message) from None
    except EndlessValueError:
        message = f"{file.name}: one JSON value goes on for too long. Is it an invocation log?"
        raise UnreadableLogsError(message) from None
    except OSError as error:
        raise UnreadableLogsError(explain(file.name, error)) from None


def open_content(on_disk: BufferedReader, file: LogFile) -> BufferedReader:
    """Open the content of a file, or of its part: unzipped, without a byte order mark."""
    if file.part is not None:
        return _open_part(on_disk, file.part)
    content = unzipped(on_disk)
    head = content.read(len(UTF8_MARK))
    if head.startswith(UTF16_MARKS):
        message = f"{file.name}: this is UTF-16 text. Save it as UTF-8."
        raise UnreadableLogsError(message)
    if head != UTF8_MARK:
        content.seek(0)
    return content


def read_table(content: BufferedReader, read: ReadInvocation) -> Iterator[list[Reading]] | None:
    """Read the messages of a table of log events; `None` for other content."""
    read_messages = find_table(_look_at_head(content))
    if read_messages is None:
        return None
    return (
        [message] if isinstance(message, RejectionReason) else read_value(message, read)
        for message in read_messages(content)
        if isinstance(message, RejectionReason) or message.strip()
    )


def holds_lines(content: BufferedReader, file: LogFile) -> bool:
    """Say if each line of some content stands for itself; leaves the content where it is."""
    if file.part is not None:
        return True
    return _is_line_based(_look_at_head(content).lstrip(), file.suffix)


def _look_at_head(content: BufferedReader) -> bytes:
    """Read the start of some content; leaves the content where it is."""
    start = content.tell()
    head = content.read(_HEAD_BYTES)
    content.seek(start)
    return head


class _Window(io.RawIOBase):
    """Some bytes, and then a stream to its end or for so many bytes."""

    def __init__(self, start: bytes, content: BufferedReader, size: int | None = None) -> None:
        self._start = start
        self._content = content
        self._remaining = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        if self._start:
            data, self._start = self._start[: len(view)], self._start[len(view) :]
        elif self._remaining is None:
            data = self._content.read(len(view))
        else:
            data = self._content.read(min(len(view), self._remaining))
            self._remaining -= len(data)
        view[: len(data)] = data
        return len(data)


def prepend(start: bytes, content: BufferedReader) -> BufferedReader:
    """Some bytes and then the rest of a stream, as one stream."""
    return BufferedReader(_Window(start, content))


def _open_part(on_disk: BufferedReader, part: Part) -> BufferedReader:
    on_disk.seek(part.start)
    return BufferedReader(_Window(b"", on_disk, part.end - part.start))


class ObjectLines:
    """The first lines of some content: for as long as each is an object by itself.

    Attributes:
        rest: What follows these lines, once they are read.
    """

    def __init__(
        self, content: BufferedReader, on_block: Callable[[], None] = lambda: None
    ) -> None:
        """Read lines from here on.

        Args:
            content: The content.
            on_block: Called after each block that is read.
        """
        self.rest = content
        self._on_block = on_block

    def __iter__(self) -> Iterator[tuple[bytes, object]]:
        """Yield each line and its JSON; `None` where the fast parser refuses it."""
        content, rest = self.rest, b""
        while block := content.read1(_BLOCK_BYTES):
            self._on_block()
            *lines, rest = (rest + block).split(b"\n")
            for number, line in enumerate(lines):
                if not line.startswith(b"{") or len(line) > MAX_LINE_BYTES:
                    if not line.strip():
                        continue
                    self.rest = prepend(b"\n".join([*lines[number:], rest]), content)
                    return
                try:
                    value = from_json(line, cache_strings="keys")  # values seldom repeat
                except ValueError:
                    value = None
                yield line, value
            if len(rest) > MAX_LINE_BYTES:
                break
        self.rest = prepend(rest, content)


def read_object(line: bytes, value: object, read: ReadInvocation) -> list[Reading]:
    """Read the messages of one of `ObjectLines`."""
    if isinstance(value, dict) and "requestId" in value:
        return [read(value)]
    return read_one_line(line.strip(), read)


def read_lines(content: BufferedReader, read: ReadInvocation) -> Iterator[list[Reading]]:
    """Read the messages of lines, in order."""
    lines = ObjectLines(content)
    rejected: bytes | None = None  # the last line, if it was; damaged files repeat themselves
    readings: list[Reading] = []
    for line, value in lines:
        if value is not None or line != rejected:
            readings = read_object(line, value, read)
            rejected = line if value is None and _are_rejected(readings) else None
        yield readings
    for message in _messages(lines.rest):
        if isinstance(message, _LongLine):
            yield from _read_long_line(message, read)
            continue
        if message != rejected:
            readings = read_one_line(message, read)
            rejected = message if _are_rejected(readings) else None
        yield readings


def _are_rejected(readings: Iterable[Reading]) -> bool:
    return all(isinstance(reading, RejectionReason) for reading in readings)


class _LongLine:
    """A line that is too long to hold, as a stream that ends where the line does."""

    def __init__(self, start: bytes, content: BufferedReader) -> None:
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
        yield [RejectionReason.TOO_LONG]


def _messages(content: BufferedReader) -> Iterator[bytes | _LongLine]:
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
        goes_on = timed is None and _goes_on(held, line) and held_bytes < MAX_LINE_BYTES
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
    """Say if a message that began with its time goes on in a line without one."""
    if not held or line.startswith(b"{"):
        return False
    return len(held) > 1 or decode_json(held[0]) is Undecodable.TRUNCATED


def _lines(content: BufferedReader) -> Iterator[bytes | _LongLine]:
    while line := content.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            long = _LongLine(line, content)
            yield long
            while long.read(_HEAD_BYTES):  # what its reader gave up on
                pass
        elif text := line.strip():
            yield text


def read_one_line(line: bytes, read: ReadInvocation) -> list[Reading]:
    """Read a line, also one that holds several objects: Firehose puts nothing between them."""
    readings = read_line(line, read)
    if readings in _NOT_ONE_VALUE and (timed := _TIME_AFTER.search(line)):
        return read_line(line[: timed.start()], read)
    if line.startswith(b"{") and _MORE_THAN_ONE.search(line) and readings in _NOT_ONE_VALUE:
        values = list(split_values(io.BytesIO(line)))
        *whole, last = (decode_json(value) for value in values)
        is_cut_off = last is Undecodable.TRUNCATED
        if whole and all(isinstance(value, dict) for value in (*whole, {} if is_cut_off else last)):
            return [reading for value in values for reading in read_value(value, read)]
    return readings


def _is_line_based(head: bytes, suffix: str) -> bool:
    """Say by the first bytes of a file if each of its lines stands for itself."""
    first, _, rest = head.partition(b"\n")
    if head.startswith(b"["):
        opens_objects = head[1:].lstrip().startswith(b"{")
        is_one_of_lines = rest.strip() and not isinstance(decode_json(first), Undecodable)
        is_array = suffix not in _LINE_SUFFIXES and not is_one_of_lines
        return not (opens_objects or is_array)
    is_document = has_events(head) or _is_pretty(first, rest)
    return not (head.startswith(b"{") and is_document)


def _is_pretty(first: bytes, rest: bytes) -> bool:
    """Say if an object spreads over lines: its second line is no other object."""
    if not isinstance(decode_json(first), Undecodable):
        return False
    return rest.lstrip().startswith((b'"', b"}", b",")) or bool(_OPENS_EVENTS.search(first))
