"""The command `preview`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from dashboards.command_line.parameters import Day, WholeNumber, logs_argument, out_option


@click.command(
    epilog='With make: make preview [LOGS="PATH ..."] [FROM=2026-01-01] [TO=2026-03-31] [ACCOUNT=1]'
    " [PORT=8000] [OUT=page.html]"
)
@logs_argument(required=False)
@click.option("--account", is_flag=True, help="Show the account of your credentials.")
@click.option("--from", "first", type=Day(), help="The first day to show, UTC.")
@click.option("--to", "last", type=Day(), help="The last day to show; by default the newest.")
@click.option(
    "--port",
    type=WholeNumber(1, 65535),
    help="The port to serve on; by default a free one.",
)
@out_option("Write one HTML file instead of serving.")
def command(  # noqa: PLR0913  # an argument for each option
    logs: tuple[Path, ...],
    *,
    account: bool,
    first: datetime | None,
    last: datetime | None,
    port: int | None,
    out: Path | None,
) -> None:
    """Show the dashboards in your browser.

    They show your LOGS, your account, or else a made-up company in a local cloud.
    """
    from dashboards.demo.demo import open_company
    from dashboards.viewer.preview import show_dashboards
    from dashboards.viewer.time_ranges import DayRange

    if first and last and first > last:
        message = "--from has to be a day before --to, or the same."
        raise click.UsageError(message)
    days = DayRange(first, last)
    show_dashboards(logs, account=account, open_other=open_company, days=days, port=port, out=out)
