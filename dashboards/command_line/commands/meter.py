"""The command `meter`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import logs_argument, out_option


@click.command(epilog='With make: make meter LOGS="PATH ..." [OUT=summary.json]')
@logs_argument()
@out_option("Write the summary as JSON to this file.")
def command(logs: tuple[Path, ...], out: Path | None) -> None:
    """Meter your own log files and folders."""
    from dashboards.reports.meter import report_usage

    report_usage(logs, out)
