"""Finds the messages in tables of log events: CSV, Markdown and the text output of the AWS CLI."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import TypeAlias

from dashboards.reports.logs.json_values import MAX_VALUE_BYTES
from lambdas.domain.invocations import RejectionReason

Message: TypeAlias = bytes | str | RejectionReason
"""The text of a message, or the reason why it cannot be read."""
_ReadMessages: TypeAlias = Callable[[BufferedReader], Iterator[Message]]

_MESSAGE_COLUMNS = ("@message", "message")  # of Logs Insights, and of the log events' page
_COLUMN_NAME = re.compile(r"@?[A-Za-z][\w.() -]*")
# Fields stand in alphabetical order: eventId, ingestionTime, logStreamName, message, timestamp.
_EVENT_ROW = re.compile(
    rb"EVENTS\t(?:\d+\t)?\d+\t(?:[^\t{]+\t)?(?P<message>.*)\t\d+|RESULTS\t@message\t(?P<field>.*)",
    re.DOTALL,
)
_TEXT_ROW = re.compile(rb"^(?:EVENTS|RESULTS)\t", re.MULTILINE)
_ROWS = (b"EVENTS\t", b"RESULTS\t@message\t")


def find_table(head: bytes) -> _ReadMessages | None:
    """Recognize a table of log events by the first bytes of a file.

    Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-output-format.html

    Returns:
        Reads the messages, in order; `None` for a file in another format.
    """
    first = head.lstrip().partition(b"\n")[0].strip()
    if first.startswith(b"|") and _find_column(_split_markdown(first)) is not None:
        return _read_markdown
    if first and not first.startswith((b"{", b"[")):
        if _find_column(_split_csv(first)) is not None:
            return _read_csv
        if _TEXT_ROW.search(head):
            return _read_text_output
    return None


def _find_column(names: list[str]) -> int | None:
    """Find the column of messages; `None` where these are no names of columns."""
    if all(map(_COLUMN_NAME.fullmatch, names)):
        for name in _MESSAGE_COLUMNS:
            if name in names:
                return names.index(name)
    return None


def _split_csv(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")]), [])
    except csv.Error:
        return []


def _split_markdown(line: bytes) -> list[str]:
    cells = line.decode("utf-8", "replace").strip().strip("|").split("|")
    return [cell.strip() for cell in cells]


def _read_csv(content: BufferedReader) -> Iterator[Message]:
    """Read CSV; a field may have line breaks."""
    limit_before = csv.field_size_limit(MAX_VALUE_BYTES)
    try:
        yield from _read_rows(content)
    finally:
        csv.field_size_limit(limit_before)


def _read_rows(content: BufferedReader) -> Iterator[Message]:
    rows = csv.reader(
        line.decode("utf-8", "replace") for line in _lines(content) if line.strip(b"\0")
    )
    column: int | None = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield RejectionReason.TOO_LONG
            continue
        if row is None:
            return
        if column is None:
            column = _find_column(row)
        elif row:
            yield row[column] if column < len(row) else RejectionReason.TRUNCATED


def _read_markdown(content: BufferedReader) -> Iterator[Message]:
    """Read a table in Markdown; a message may have bars, other columns have none."""
    column: int | None = None
    names: list[str] = []
    for line in _lines(content):
        if not line.strip():
            continue
        cells = _split_markdown(line)
        if column is None:
            names, column = cells, _find_column(cells)
        elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            end = len(cells) - (len(names) - column - 1)
            yield "|".join(cells[column:end])


def _read_text_output(content: BufferedReader) -> Iterator[Message]:
    """Read the rows of log events; the others have names of log streams and statistics."""
    for line in _lines(content):
        if line.startswith(_ROWS):
            row = _EVENT_ROW.fullmatch(line.strip())
            yield (
                RejectionReason.TRUNCATED if row is None else row["message"] or row["field"] or b""
            )


def _lines(content: BufferedReader) -> Iterator[bytes]:
    while line := content.readline(MAX_VALUE_BYTES):
        yield line
