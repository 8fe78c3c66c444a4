"""The command `prices`."""

from __future__ import annotations

from pathlib import Path

import click

from dashboards.command_line.parameters import PATH


@click.command(epilog="With make: make prices [OFFLINE=1]")
@click.option(
    "--litellm",
    type=PATH,
    required=True,
    metavar="FOLDER",
    help="Where make prices unpacks litellm.",
)
@click.option("--offline", is_flag=True, help="Only compare: read no files from AWS.")
def command(*, litellm: Path, offline: bool) -> None:
    """Update the price book from AWS's price files.

    It is compared with genai-prices and litellm. Rows are added; none is changed.
    """
    from cdk.operations.prices import renew_prices

    renew_prices(litellm, is_offline=offline)
