"""The command `screenshots`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make screenshots")
def command() -> None:
    """Take screenshots of the demo's dashboards.

    Includes those in the README.
    """
    from dashboards.demo.screenshots import take_screenshots

    take_screenshots()
