"""The command `preview`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import WholeNumber, logs_argument, out_option


@click.command(
    epilog='With make: make preview [LOGS="PATH ..."] [ACCOUNT=1] [PORT=8000] [OUT=page.html]'
)
@logs_argument(required=False)
@click.option("--account", is_flag=True, help="Show the account of your credentials.")
@click.option(
    "--port",
    type=WholeNumber(1, 65535),
    help="The port to serve on; by default a free one.",
)
@out_option("Write one HTML file instead of serving.")
def command(logs: tuple[Path, ...], *, account: bool, port: int | None, out: Path | None) -> None:
    """Show the dashboards in your browser.

    They show your LOGS, your account, or else a made-up company in a local cloud.
    """
    from dashboards.demo.demo import open_company
    from dashboards.viewer.preview import show_dashboards

    show_dashboards(logs, account=account, open_other=open_company, port=port, out=out)
