"""The command `reconcile`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import PATH, logs_argument, out_option


@click.command(
    epilog=('With make: make reconcile CUR="PATH ..." LOGS="PATH ..." [OUT=reconciliation.json]')
)
@logs_argument()
@click.option(
    "--cur",
    multiple=True,
    required=True,
    type=PATH,
    metavar="PATH",
    help="A file or folder of a CUR 2.0 export; repeat it for several.",
)
@out_option("Write the reconciliation as JSON to this file.")
def command(logs: tuple[Path, ...], cur: tuple[Path, ...], out: Path | None) -> None:
    """Compare your logs with AWS's bill."""
    from dashboards.reports.reconcile import reconcile_bill

    reconcile_bill(cur, logs, out)
