"""Shows the usage as tables, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import fold_name, printable_name, share_width
from dashboards.reports.covered_periods import CoveredPeriods
from dashboards.reports.difference_tables import lay_out_differences
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.month_differences import compare_months
from dashboards.reports.printed_tables import print_table
from dashboards.reports.temporary_store import Coverage
from dashboards.reports.usage_notes import print_coverage, print_notes
from lambdas.domain.invocations.short_names import shorten_identities
from lambdas.domain.money import cost_legend, count_places, dollars
from lambdas.domain.usage import GroupedTotals, GroupField, UsageTotals, add_up_totals

ROWS_SHOWN = 25
_NO_COST = "-"


def _output_text(totals: UsageTotals, _: int) -> str:
    """Output tokens; a dash where every call that has output lacks its count."""
    is_unknown = totals.records_missing_output and not totals.output_tokens
    return "-" if is_unknown else f"{totals.output_tokens:,}"


def _write_cost(totals: UsageTotals, places: int) -> str:
    """Write the cost of calls; a dash where no call succeeded."""
    if not totals.invocations:
        return _NO_COST
    usd = totals.priced_usd if totals.priced_invocations else None
    return dollars(usd, is_assumed=totals.assumed_price_invocations > 0, places=places)


_COST = "Cost"
# In the order in which they are shown; the number says which go first where a terminal is narrow.
# The last part writes a cell, with so many decimal places of the cost.
_Column: TypeAlias = tuple[str, int, Callable[[UsageTotals, int], str]]
_COLUMNS: tuple[_Column, ...] = (
    ("Calls", 0, lambda totals, _: f"{totals.invocations:,}"),
    (_COST, 1, _write_cost),
    ("Unpriced", 2, lambda totals, _: f"{totals.unpriced_invocations:,}"),
    ("Failed", 3, lambda totals, _: f"{totals.invocation_errors:,}"),
    ("Total tokens", 0, lambda totals, _: f"{totals.total_tokens:,}"),
    ("Input", 4, lambda totals, _: f"{totals.input_tokens:,}"),
    ("Cache read", 6, lambda totals, _: f"{totals.cache_read_tokens:,}"),
    ("Cache write", 8, lambda totals, _: f"{totals.cache_write_tokens:,}"),
    ("Output", 5, _output_text),
    ("No output", 11, lambda totals, _: f"{totals.records_missing_output:,}"),
    ("Quota tokens", 7, lambda totals, _: f"{totals.quota_tokens:,}"),
    ("Failed tokens", 9, lambda totals, _: f"{totals.failed_tokens:,}"),
    ("No counts", 10, lambda totals, _: f"{totals.records_missing_counts:,}"),
)
_ALWAYS_SHOWN = frozenset({"Calls", "Input", "Output", "Total tokens", "Quota tokens", _COST})
_NOTHING = "0"
_MIN_NAME_WIDTH = 24
_NAME_PERCENT = 40  # of the width: figures are left out before names have less
_GAP = 2  # between columns
_NO_NAME = "not named"


class Grouping(NamedTuple):
    """The rows of a report.

    Attributes:
        by: The fields to group by; empty for one table by identity and one by model.
        top: The number of rows of a table, or of each period in it. The others are one row.
    """

    by: tuple[GroupField, ...] = ()
    top: int = ROWS_SHOWN


_NOT_COMPARED = (
    "No month is compared with the month before: that takes calls in both, and a day of both that"
    " has ended."
)
_DEFAULT_GROUPING = Grouping()


class _Row(NamedTuple):
    cells: tuple[str, ...]
    totals: UsageTotals
    is_rest: bool = False
    is_sum: bool = False


class _Names:
    """The names in a table: each value of a field has one, and no two have the same."""

    def __init__(
        self, ranking: GroupedTotals, by: Sequence[GroupField], periods: CoveredPeriods
    ) -> None:
        self._identities: Mapping[str, str] = {}
        self._periods = periods
        if GroupField.IDENTITY in by:
            place = list(by).index(GroupField.IDENTITY)
            self._identities = shorten_identities(values[place] for values, _ in ranking)

    def write(self, field: GroupField, value: str) -> str:
        if field.is_time:
            return self._periods.find(field, value).shown
        name = self._identities[value] if field is GroupField.IDENTITY else value
        return printable_name(name) or _NO_NAME


def print_report(
    meter: LocalMeter,
    console: Console,
    grouping: Grouping = _DEFAULT_GROUPING,
    *,
    now: datetime,
) -> None:
    """Print the period, tables of usage and cost, and notes about uncounted records.

    Args:
        meter: The meter.
        console: Prints.
        grouping: The rows of the tables.
        now: The time, UTC. A month or day that it is in has not ended.
    """
    print_coverage(meter, console)
    if coverage := meter.coverage():
        periods = CoveredPeriods(coverage.start, coverage.end, now)
        shown = set[str]()
        tables = [grouping.by] if grouping.by else [(GroupField.IDENTITY,), (GroupField.MODEL,)]
        for by in tables:
            ranking = meter.summary.group_by(*by)
            rows = list(_rank(ranking, by, grouping.top, _Names(ranking, by, periods)))
            shown.update(_print_table(console, by, rows))
        if GroupField.MONTH in grouping.by:
            shown.update(_print_differences(meter, coverage, console, grouping, now))
        _print_legend(console, shown)
    print_notes(meter, console)


def _rank(
    ranking: GroupedTotals, by: Sequence[GroupField], top: int, names: _Names
) -> Iterator[_Row]:
    """The rows of a table: the most costly first, and those of one period together.

    Periods are in order of time and never left out. In each, or in all without any, rows past the
    first ones are added up. After those of a period, there is its total.
    """
    times = sum(1 for _ in takewhile(lambda part: part.is_time, by))
    by_period: defaultdict[tuple[str, ...], GroupedTotals] = defaultdict(list)
    for values, totals in ranking:
        by_period[values[:times]].append((values, totals))
    for period, groups in sorted(by_period.items()):
        groups.sort(key=lambda group: (-group[1].priced_usd, -group[1].total_tokens, group[0]))
        shown = tuple(map(names.write, by[:times], period))
        shown_rows = cut_rows(len(groups), top)
        for values, totals in groups[:shown_rows]:
            yield _Row((*shown, *map(names.write, by[times:], values[times:])), totals)
        if rest := groups[shown_rows:]:
            name = f"{len(rest):,} more"
            cells = (*shown, name, *[""] * (len(by) - times - 1))
            yield _Row(cells, add_up_totals(totals for _, totals in rest), is_rest=True)
        if times and len(groups) > 1:
            cells = (*shown, "all", *[""] * (len(by) - times - 1))
            yield _Row(cells, add_up_totals(totals for _, totals in groups), is_sum=True)


def cut_rows(rows: int, top: int) -> int:
    """Return how many rows are shown by name: a single row past the first ones is shown, too.

    >>> cut_rows(20, 3), cut_rows(4, 3)
    (3, 4)
    """
    return rows if rows <= top + 1 else top


def _print_table(console: Console, by: Sequence[GroupField], rows: Sequence[_Row]) -> list[str]:
    """Print a table; numbers are never cut, so a narrow terminal shows fewer columns.

    Returns:
        The costs as they are shown.
    """
    everything = add_up_totals(row.totals for row in rows if not row.is_sum)
    places = count_places(everything.priced_usd)
    figures = {
        name: [write_cell(totals, places) for totals in (*(row.totals for row in rows), everything)]
        for name, _, write_cell in _COLUMNS
    }
    useful = [name for name in figures if name in _ALWAYS_SHOWN or figures[name][-1] != _NOTHING]
    figure_widths = {name: max(map(len, (name, *figures[name]))) + _GAP for name in useful}
    names = [tuple(map(_heading, by)), *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*names, strict=True)]
    enough = max(_MIN_NAME_WIDTH, console.width * _NAME_PERCENT // 100 // len(by))
    least = sum(min(width, enough) for width in widths) + _GAP * (len(by) - 1)
    priorities = {name: priority for name, priority, _ in _COLUMNS}
    columns = sorted(useful, key=priorities.__getitem__)
    while least + sum(map(figure_widths.__getitem__, columns)) > console.width and columns[1:]:
        columns.pop()
    shown = [name for name in useful if name in columns]
    gaps = _GAP * (len(by) - 1)
    figures_width = sum(map(figure_widths.__getitem__, columns))
    widths = share_width(widths, console.width - figures_width - gaps)
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, _GAP, 0, 0))
    for place, (field, width) in enumerate(zip(by, widths, strict=True)):
        table.add_column(_heading(field), "" if place else "All", overflow="fold", min_width=width)
    for name in shown:
        table.add_column(name, figures[name][-1], justify="right", no_wrap=True)
    for number, (cells, _, is_rest, is_sum) in enumerate(rows):
        names_shown = (Text(fold_name(*part)) for part in zip(cells, widths, strict=True))
        row = (figures[name][number] for name in shown)
        table.add_row(*names_shown, *row, style=_find_style(is_rest, is_sum))
    console.print(table)
    if left_out := [name for name in useful if name not in shown]:
        text = f"(a wider terminal or --out shows {', '.join(left_out)})"
        console.print(text, style="dim", soft_wrap=True)
    console.print()
    return figures[_COST]


def _print_differences(
    meter: LocalMeter, coverage: Coverage, console: Console, grouping: Grouping, now: datetime
) -> Iterator[str]:
    """Print what changed from each month to the next, and yield the costs as they are shown."""
    fields = [field for field in grouping.by if not field.is_time]
    ranking = meter.summary.group_by(*fields)
    names = _Names(ranking, fields, CoveredPeriods(coverage.start, coverage.end, now))
    comparisons = list(compare_months(meter.summary, coverage, grouping.by, now))
    for comparison in comparisons:
        shown = cut_rows(len(comparison.differences), grouping.top)
        table = lay_out_differences(comparison, fields, shown, names.write)
        print_table(table, console)
        for row in table.rows:
            yield from row[table.texts :]
    if not comparisons:
        console.print(Text(_NOT_COMPARED, style="dim"), soft_wrap=True)
        console.print()


def _find_style(is_rest: bool, is_sum: bool) -> str | None:  # noqa: FBT001  # a row's flags
    if is_sum:
        return "bold"
    return "dim" if is_rest else None


def _heading(field: GroupField) -> str:
    return field.capitalize()


def _print_legend(console: Console, shown: set[str]) -> None:
    if lines := cost_legend(shown):
        for line in lines:
            console.print(Text(line, style="dim"), soft_wrap=True)
        console.print()
