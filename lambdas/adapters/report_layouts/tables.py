"""Tables of reports, and how they read as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.words import printable

_GAP = "  "


class Table(NamedTuple):
    """A table: text at the left, figures at the right.

    Attributes:
        title: The subject.
        headings: The columns; the first `texts` of them are text.
        rows: Cells, as many as there are headings.
        notes: Lines below it.
        texts: The number of columns that are text.
        droppable: The headings of columns that a narrow terminal leaves out, the first one first.
    """

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()
    texts: int = 1
    droppable: tuple[str, ...] = ()


def shown_time(moment: datetime) -> str:
    """A time in UTC for people; with four digits of every year, unlike `strftime`."""
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def plain_text(tables: Iterable[Table]) -> str:
    """Lay tables out as plain text; names in them cannot control a terminal."""
    return "\n\n".join("\n".join(map(printable, _lines(table))) for table in tables) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield table.title
    if table.rows:
        grid: list[Sequence[str]] = [table.headings, *table.rows]
        widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
        for row in grid:
            cells = (
                cell.ljust(width) if place < table.texts else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield _GAP.join(cells).rstrip()
    for note in table.notes:
        yield f"{_GAP}{note}"
