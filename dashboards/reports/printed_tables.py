"""Prints the tables of reports, so that they fit the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from cdk.operations.terminal import fold_name, printable, printable_name, share_width
from lambdas.adapters.report_layouts.tables import Table

_GAP_WIDTH = 2
_GAP = (0, _GAP_WIDTH, 0, 0)
_MIN_TEXT_WIDTH = 12


def print_table(table: Table, console: Console) -> None:
    """Print a table of a report; names fold where a terminal is narrow, figures do not."""
    console.print(Text(printable(table.title), style="bold"))
    left_out: tuple[str, ...] = ()
    if table.rows:
        left_out = _left_out(table, console.width)
        console.print(_lay_out(table, left_out, console.width))
    if left_out:
        console.print(Text(f"  (a wider terminal shows {', '.join(left_out)})", style="dim"))
    for note in table.notes:
        console.print(Text(f"  {printable(note)}", style="dim"), soft_wrap=True)
    console.print()


def _lay_out(table: Table, left_out: Sequence[str], width: int) -> RichTable:
    """Lay out a table; names share the width that figures leave, and break between their parts."""
    places = [place for place, heading in enumerate(table.headings) if heading not in left_out]
    rows = [[printable_name(row[place]) for place in places] for row in table.rows]
    headings = [table.headings[place] for place in places]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    texts = sum(place < table.texts for place in places)
    figures = sum(widths[texts:]) + _GAP_WIDTH * (len(places) - 1)
    widths[:texts] = share_width(widths[:texts], width - figures)
    shown = RichTable(box=None, pad_edge=False, padding=_GAP)
    for place, (heading, least) in enumerate(zip(headings, widths, strict=True)):
        is_text = place < texts
        shown.add_column(
            heading,
            justify="left" if is_text else "right",
            no_wrap=not is_text,
            overflow="fold",
            min_width=least,
        )
    for row in rows:
        shown.add_row(*(Text(fold_name(*part)) for part in zip(row, widths, strict=True)))
    return shown


def _left_out(table: Table, width: int) -> tuple[str, ...]:
    """The droppable columns that have to go for a table to fit."""
    columns = zip(table.headings, *table.rows, strict=True)
    widths = [
        _narrowest(cells, is_text=place < table.texts) + _GAP_WIDTH
        for place, cells in enumerate(columns)
    ]
    excess = sum(widths) - _GAP_WIDTH - width
    left_out: list[str] = []
    for heading in table.droppable:
        if excess <= 0:
            break
        left_out.append(heading)
        excess -= widths[table.headings.index(heading)]
    return tuple(left_out)


def _narrowest(cells: Sequence[str], *, is_text: bool) -> int:
    """The width of a column that still reads well: figures in one line, text word by word."""
    if not is_text:
        return max(map(len, cells))
    words = (word for cell in cells for word in cell.split())
    return min(max(map(len, words), default=0), _MIN_TEXT_WIDTH)
