"""The command `focus`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import logs_argument, out_option


@click.command(epilog='With make: make focus LOGS="PATH ..." OUT=focus.csv|.csv.gz|.parquet')
@logs_argument()
@out_option("Write to this file: .csv, .csv.gz or .parquet.", required=True)
def command(logs: tuple[Path, ...], out: Path) -> None:
    """Write the costs of your logs in FOCUS columns."""
    from dashboards.reports.focus import export_costs

    export_costs(logs, out)
