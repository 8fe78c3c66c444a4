"""The command `compare`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import logs_argument, out_option


@click.command(epilog='With make: make compare LOGS="PATH ..." [OUT=comparison.json]')
@logs_argument()
@out_option("Write the comparison as JSON to this file.")
def command(logs: tuple[Path, ...], out: Path | None) -> None:
    """Compare models on your logs and find savings."""
    from dashboards.reports.compare import compare_models

    compare_models(logs, out)
