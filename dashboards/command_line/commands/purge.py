"""The command `purge`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make purge")
def command() -> None:
    """Permanently delete what make destroy keeps.

    Asks for a typed confirmation first.
    """
    from cdk.operations.account import in_account
    from cdk.operations.purge import confirm_and_purge

    in_account(confirm_and_purge)
