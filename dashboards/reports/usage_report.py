"""Shows the usage as tables, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.usage_notes import print_notes
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.money import cost_legend, dollars
from lambdas.domain.usage import UsageSummary, UsageTotals, add_up_totals

_ROWS_SHOWN = 25

# IAM Identity Center names its roles `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`.
_Ranking: TypeAlias = list[tuple[str, UsageTotals]]
_NO_COST = "-"


def _output_text(totals: UsageTotals) -> str:
    """Output tokens; a dash where every call that has output lacks its count."""
    is_unknown = totals.records_missing_output and not totals.output_tokens
    return "-" if is_unknown else f"{totals.output_tokens:,}"


def cost_text(totals: UsageTotals) -> str:
    """The cost of calls as people read it; a dash where no call succeeded."""
    if not totals.invocations:
        return _NO_COST
    usd = totals.priced_usd if totals.priced_invocations else None
    return dollars(usd, is_assumed=totals.assumed_price_invocations > 0)


# In the order in which they are shown; the number says which go first where a terminal is narrow.
_Column: TypeAlias = tuple[str, int, Callable[[UsageTotals], str]]
_COLUMNS: tuple[_Column, ...] = (
    ("Calls", 0, lambda totals: f"{totals.invocations:,}"),
    ("Errors", 7, lambda totals: f"{totals.invocation_errors:,}"),
    ("Input", 5, lambda totals: f"{totals.input_tokens:,}"),
    ("Cache read", 6, lambda totals: f"{totals.cache_read_tokens:,}"),
    ("Cache write", 8, lambda totals: f"{totals.cache_write_tokens:,}"),
    ("Output", 4, _output_text),
    ("No output", 11, lambda totals: f"{totals.records_missing_output:,}"),
    ("Total tokens", 0, lambda totals: f"{totals.total_tokens:,}"),
    ("Quota tokens", 3, lambda totals: f"{totals.quota_tokens:,}"),
    ("Failed tokens", 9, lambda totals: f"{totals.failed_tokens:,}"),
    ("No counts", 10, lambda totals: f"{totals.records_missing_counts:,}"),
    ("Cost", 1, cost_text),
    ("Unpriced", 2, lambda totals: f"{totals.unpriced_invocations:,}"),
)
_ALWAYS_SHOWN = frozenset({"Calls", "Input", "Output", "Total tokens", "Quota tokens", "Cost"})
_NOTHING = "0"
_MIN_NAME_WIDTH = 24
_GAP = 2  # between columns


def print_report(meter: LocalMeter, console: Console) -> None:
    """Print tables per identity and per model, and notes about uncounted records."""
    if meter.summary.calls:
        _print_table(console, "Identity", meter.summary.by_identity(), shorten_identity)
        _print_table(console, "Model", meter.summary.by_model(), str)
        _print_legend(console, meter.summary)
    print_notes(meter, console)


def _print_table(
    console: Console, heading: str, ranking: _Ranking, shorten: Callable[[str], str]
) -> None:
    """Print the largest rows; numbers are never cut, so a narrow terminal shows fewer columns."""
    everything = add_up_totals(totals for _, totals in ranking)
    useful = [
        (name, priority, format_cell)
        for name, priority, format_cell in _COLUMNS
        if name in _ALWAYS_SHOWN or format_cell(everything) != _NOTHING
    ]
    columns = sorted(useful, key=lambda column: column[1])
    while _width(columns, everything) > console.width and len(columns) > 1:
        columns.pop()
    shown = [column for column in useful if column in columns]
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, _GAP, 0, 0))
    table.add_column(heading, "All", overflow="fold", min_width=_MIN_NAME_WIDTH)
    for name, _, format_cell in shown:
        table.add_column(name, format_cell(everything), justify="right", no_wrap=True)
    for key, totals in ranking[:_ROWS_SHOWN]:
        cells = [format_cell(totals) for _, _, format_cell in shown]
        table.add_row(Text(printable_name(shorten(key))), *cells)
    if len(ranking) > _ROWS_SHOWN:
        rest = add_up_totals(totals for _, totals in ranking[_ROWS_SHOWN:])
        cells = [format_cell(rest) for _, _, format_cell in shown]
        table.add_row(f"{len(ranking) - _ROWS_SHOWN:,} more", *cells, style="dim")
    console.print(table)
    if left_out := [column[0] for column in useful if column not in shown]:
        console.print(f"(a wider terminal shows {', '.join(left_out)})", style="dim")
    console.print()


def _print_legend(console: Console, summary: UsageSummary) -> None:
    totals = [part for ranking in (summary.by_identity(), summary.by_model()) for part in ranking]
    if lines := cost_legend(cost_text(part) for _, part in totals):
        for line in lines:
            console.print(Text(line, style="dim"), soft_wrap=True)
        console.print()


def _width(columns: Sequence[_Column], everything: UsageTotals) -> int:
    """The width of a table of columns; sums are the longest numbers in it."""
    return _MIN_NAME_WIDTH + sum(
        _GAP + max(len(name), len(format_cell(everything))) for name, _, format_cell in columns
    )
