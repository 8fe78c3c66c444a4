"""Rows as CSV: RFC 4180 in UTF-8, with the specification's formats of values."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from lambdas.domain.reports.focus.columns import COLUMNS
from lambdas.domain.reports.focus.rows import EXACTLY, Row, Value, plain

_TIME = "%Y-%m-%dT%H:%M:%SZ"
"""https://focus.finops.org/focus-specification/v1-2/#date-timeformat"""


def write_csv(rows: Iterable[Row], out: TextIO) -> int:
    """Write a header and rows, as they come; gives how many rows there were.

    What has no value is empty. Texts stay as they are, as the specification asks for; see
    `row_of` for why no cell begins with a formula.

    Args:
        rows: Values for each of `COLUMNS`.
        out: Text that keeps line ends as they are written (`newline=""`).

    Raises:
        decimal.DecimalException: A number has more places than its column.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in COLUMNS])
    written = 0
    for row in rows:
        writer.writerow([_text(row[it.name], it.decimal_places) for it in COLUMNS])
        written += 1
    return written


def _text(value: Value, decimal_places: int) -> str | None:
    if isinstance(value, Decimal):
        value.quantize(Decimal(1).scaleb(-decimal_places), context=EXACTLY)
        return plain(value)
    return f"{value:{_TIME}}" if isinstance(value, datetime) else value
