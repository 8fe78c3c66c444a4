"""Rows as CSV: RFC 4180 in UTF-8, with the specification's formats of values.

The same rows give the same bytes, gzipped or not.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from lambdas.domain.reports.focus import COLUMNS, EXACTLY, Column, Row, Value
from lambdas.domain.words import exact_text

_GZIP_SUFFIX = ".gz"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
"""https://focus.finops.org/focus-specification/v1-2/#date-timeformat"""


def write_csv(rows: Iterable[Row], out: TextIO, columns: Sequence[Column] = COLUMNS) -> int:
    """Write a header and rows, as they come; return the number of rows.

    What has no value is empty. Texts stay as they are, as the specification asks for; see
    `build_row` for why no cell begins with a formula.

    Args:
        rows: Values for each of the columns.
        out: Text that keeps line ends as they are written (`newline=""`).
        columns: The columns, in order.

    Raises:
        decimal.DecimalException: A number has more places than its column.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    written = 0
    for row in rows:
        writer.writerow([_text(row[column.name], column.decimal_places) for column in columns])
        written += 1
    return written


def write_csv_file(rows: Iterable[Row], path: Path, columns: Sequence[Column] = COLUMNS) -> None:
    """Write rows as a CSV file, gzipped if it is named so.

    Raises:
        OSError: It cannot be written.
    """
    with _open_text(path) as text:
        write_csv(rows, text, columns)


def describe_file(path: Path) -> dict[str, Any]:
    """Describe a file for its manifest, so that a reader can check that the two belong together.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return {"name": path.name, "bytes": file.tell(), "sha256": digest.hexdigest()}


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    if path.suffix != _GZIP_SUFFIX:
        with path.open("w", encoding="utf-8", newline="") as text:
            yield text
        return
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,  # neither name nor time
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text


def _text(value: Value, decimal_places: int) -> str | None:
    if isinstance(value, Decimal):
        value.quantize(Decimal(1).scaleb(-decimal_places), context=EXACTLY)
        return exact_text(value)
    return f"{value:{_TIME}}" if isinstance(value, datetime) else value
