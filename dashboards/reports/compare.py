"""Compares models on your own logs: `make compare LOGS="PATH ..." [OUT=comparison.json]`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cdk.config import Config, read_config
from cdk.operations.terminal import open_console
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
from dashboards.reports.printed_tables import print_table
from dashboards.reports.usage_json import files_json
from dashboards.reports.usage_notes import print_coverage, print_notes
from lambdas.adapters.report_layouts.comparison_json import START_OF_REPORT, report_json
from lambdas.adapters.report_layouts.comparison_tables import report_tables
from lambdas.domain.calls import CallEnricher
from lambdas.domain.reports.comparison import (
    ComparisonReport,
    OutlineCache,
    TrafficObserver,
)
from lambdas.domain.words import plural


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
