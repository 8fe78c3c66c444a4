"""The command `meter`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import PATH, WholeNumber, logs_argument, out_option

FIELDS = ("day", "month", "project", "account", "region", "identity", "model")
"""The values of `GroupField`, which is imported only when the command runs."""


@click.command(
    epilog=(
        'With make: make meter LOGS="PATH ..." [BY="month project"] [TOP=25] [BUDGETS=budgets.json]'
        " [OUT=summary.json]"
    )
)
@logs_argument()
@click.option(
    "--by",
    multiple=True,
    type=click.Choice([*FIELDS]),
    help="Group by this field instead of identity and model; repeat it to combine several. With"
    " month, also show what changed since the month before.",
)
@click.option(
    "--top",
    type=WholeNumber(min=1),
    default=25,
    show_default=True,
    help="The number of rows, or of rows in each period. The others are one row.",
)
@click.option(
    "--budgets",
    type=PATH,
    metavar="FILE",
    help="Also show the use of the budgets and grants in this file; with --out, write it as well.",
)
@out_option("Write the summary as JSON to this file.")
def command(
    logs: tuple[Path, ...],
    by: tuple[str, ...],
    top: int,
    budgets: Path | None,
    out: Path | None,
) -> None:
    """Meter your own log files and folders."""
    from dashboards.reports.meter import report_usage
    from dashboards.reports.usage_report import Grouping
    from lambdas.domain.usage import GroupField

    report_usage(logs, out, Grouping(tuple(dict.fromkeys(map(GroupField, by))), top), budgets)
