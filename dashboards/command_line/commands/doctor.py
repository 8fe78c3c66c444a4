"""The command `doctor`."""

from __future__ import annotations

from functools import partial

import click

from dashboards.command_line.parameters import context_option


@click.command(epilog='With make: make doctor [SET="-c NAME=VALUE"]')
@context_option
def command(context: tuple[str, ...]) -> None:
    """Check the account without changing anything.

    Run it before and after deploying.
    """
    from cdk.operations.account import in_account
    from cdk.operations.doctor import check_account
    from dashboards.command_line.commands.deny import open_brake
    from dashboards.command_line.commands.limits import open_gateway

    in_account(
        partial(check_account, open_brake=open_brake, open_gateway=open_gateway, settings=context)
    )
