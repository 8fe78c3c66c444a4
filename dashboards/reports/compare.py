"""Compares models on your own logs: `make compare LOGS="PATH ..." [OUT=comparison.json]`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from cdk.config import Config, read_config
from cdk.operations.terminal import (
    fold_name,
    open_console,
    printable,
    printable_name,
    share_width,
)
from dashboards.reports.call_times import is_possible
from dashboards.reports.commands import (
    check_for_gaps,
    check_for_logs,
    explained_failures,
    meter_files,
    require_json_name,
    without_output,
    write_report,
)
from dashboards.reports.local_meter import LocalMeter, open_local_meter
from dashboards.reports.logs.log_files import LogFiles, find_log_files
from dashboards.reports.usage_json import files_json
from dashboards.reports.usage_notes import print_coverage, print_notes
from lambdas.adapters.report_layouts.comparison_json import START_OF_REPORT, report_json
from lambdas.adapters.report_layouts.comparison_tables import report_tables
from lambdas.adapters.report_layouts.tables import Table
from lambdas.domain.calls import CallEnricher
from lambdas.domain.reports.comparison import (
    ComparisonReport,
    OutlineCache,
    TrafficObserver,
)
from lambdas.domain.words import plural

_GAP_WIDTH = 2
_GAP = (0, _GAP_WIDTH, 0, 0)
_MIN_TEXT_WIDTH = 12


def compare_models(logs: Sequence[Path], out: Path | None) -> None:
    """Compare models on the calls in files and folders; write the JSON where `out` says."""
    if out:
        require_json_name(out)
    files = find_log_files(logs)
    if out:
        files = without_output(out, files, START_OF_REPORT)
    with explained_failures():
        config = read_config()
        with open_local_meter(pricing=config.pricing) as meter:
            report, counts = compare(meter, files, config)
            _show(report, counts, meter, out)
            check_for_gaps(meter)


def compare(
    meter: LocalMeter, files: LogFiles, config: Config
) -> tuple[ComparisonReport, dict[str, int]]:
    """Meter files, so that each call is there once, and compare models on the calls.

    No tags are known on this machine: trusted metadata and patterns attribute the calls.

    Returns:
        The report, and the outcome of the records that were read.
    """
    outlines = OutlineCache()
    meter_files(meter, files, outlines.read_invocation)
    check_for_logs(meter, files)
    observer = TrafficObserver(config.pricing)
    enricher = CallEnricher(config.pricing, config.attribution_rules)
    now, times = datetime.now(UTC), list[datetime]()  # the first possible time, and the last
    for record in meter.ledger.in_order_of_time():
        if is_possible(record.timestamp, now):
            times[1:] = [record.timestamp]
        call = observer.read(enricher.enrich_attempt(record))
        observer.observe(call, outlines.take(record.key))
    counts = {
        "read": meter.report.read,
        "duplicates": meter.report.accepted - meter.summary.calls,
        "ignored": meter.report.ignored,
        "rejected": meter.report.rejected,
        "requests_left_out": outlines.left_out,
    }
    start, end = (times[0], times[-1]) if times else (None, None)
    return observer.report(start, end), counts


def _show(
    report: ComparisonReport, counts: dict[str, int], meter: LocalMeter, out: Path | None
) -> None:
    """Write the JSON and print the tables; where both go to standard output, only the first."""
    if out is not None:
        text = report_json(report, {"files": files_json(meter), **counts})
        if not write_report(out, [text]):
            return
    console = open_console()
    print_coverage(meter, console)
    for table in report_tables(report, has_period=False):
        print_table(table, console)
    if counts["requests_left_out"]:
        requests = plural(counts["requests_left_out"], "request")
        console.print(f"{requests} did not fit in memory.")
    print_notes(meter, console)


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
