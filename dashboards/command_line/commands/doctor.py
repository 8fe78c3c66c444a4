"""The command `doctor`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make doctor")
def command() -> None:
    """Check the account without changing anything.

    Run it before and after deploying.
    """
    from cdk.operations.account import in_account
    from cdk.operations.doctor import check_account

    in_account(check_account)
