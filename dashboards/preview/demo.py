"""Meters a made-up company's traffic, and shows who crossed which threshold: `make demo`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import open_console, printable, run_command
from dashboards.preview.company import invocation_logs
from dashboards.preview.deliveries import pack
from dashboards.preview.local_meter import open_local_meter
from dashboards.preview.usage_report import print_report, shorten_identity
from lambdas.domain.invocations import read_line
from lambdas.domain.metering import DEFAULT_THRESHOLDS, HourlyTokens, Severity, ThresholdCrossed

_REDELIVERED = 25  # CloudWatch Logs delivers at least once: here, one in so many twice
_STYLES = {Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


def main() -> None:
    """Deliver the traffic as CloudWatch Logs would, meter it and show the result."""
    console = open_console()
    console.print(
        "A made-up company: 4,000 calls with the timing and the sizes of a real trace,\n"
        "delivered as CloudWatch Logs delivers them, some of them twice.\n"
    )
    hourly = HourlyTokens()
    with open_local_meter(hourly.apply) as meter:
        for number, delivery in enumerate(_deliveries()):
            for _ in range(2 if number % _REDELIVERED == 0 else 1):
                meter.ingest(f"delivery {number}", read_line(delivery))
        print_report(meter, console)
    _print_crossings(hourly.crossings(DEFAULT_THRESHOLDS), console)
    console.print('\nNow your own logs: make meter LOGS="PATH ..."')


def _deliveries() -> Iterator[str]:
    """The company's logs, packed by the second."""
    for _, logs in groupby(invocation_logs(), key=lambda log: log["timestamp"]):
        yield pack(json.dumps(log) for log in logs)


def _print_crossings(crossings: Sequence[ThresholdCrossed], console: Console) -> None:
    console.print("\nThresholds crossed (quota tokens of one identity in one hour)")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("When (UTC)", no_wrap=True)
    table.add_column("Severity", no_wrap=True)
    table.add_column("Threshold", justify="right", no_wrap=True)
    table.add_column("Whole hour", justify="right", no_wrap=True)
    table.add_column("Identity", overflow="fold")
    for crossed in crossings:
        severity = crossed.threshold.severity
        table.add_row(
            f"{crossed.crossed_at:%Y-%m-%d %H:%M}",
            Text(severity.upper(), _STYLES[severity]),
            f"{crossed.threshold.quota_tokens:,}",
            f"{crossed.quota_tokens:,}",
            Text(printable(shorten_identity(crossed.identity_arn))),
        )
    console.print(table)


if __name__ == "__main__":
    run_command("demo", main)
