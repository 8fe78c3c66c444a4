"""The command `reprice`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make reprice")
def command() -> None:
    """Publish the cost of calls whose price is now known.

    Without this command, that happens within an hour.
    """
    from cdk.operations.account import in_account
    from cdk.operations.reprice import reprice

    in_account(reprice)
