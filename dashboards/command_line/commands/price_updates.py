"""The command `price-updates`."""

from __future__ import annotations

import click

from dashboards.command_line.actors import find_person


@click.command(
    epilog=(
        'With make: make price-updates [ACCEPT="NAME ..."|all] [REJECT=...]'
        ' [SUPERSEDE=EDITION REASON="..."] [CHECK=1]'
    )
)
@click.option("--accept", default="", metavar="NAMES", help="Accept these held prices, or `all`.")
@click.option("--reject", default="", metavar="NAMES", help="Reject these held prices, or `all`.")
@click.option(
    "--supersede", default="", metavar="EDITION", help="Remove the changes of an edition."
)
@click.option("--reason", default="", help="Why the edition is superseded.")
@click.option("--check", is_flag=True, help="Read the AWS Price List now.")
def command(*, accept: str, reject: str, supersede: str, reason: str, check: bool) -> None:
    """List prices that wait for a decision, or decide."""
    from cdk.operations.account import in_account
    from cdk.operations.price_updates import read_request, update_prices

    event = read_request(
        accept=accept, reject=reject, supersede=supersede, reason=reason, check=check
    )
    in_account(lambda session: update_prices(session, event, find_person))
