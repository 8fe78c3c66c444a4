"""The command `redrive`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make redrive")
def command() -> None:
    """Process the events again that functions failed on."""
    from cdk.operations.account import in_account
    from cdk.operations.redrive import redrive_failures

    in_account(redrive_failures)
