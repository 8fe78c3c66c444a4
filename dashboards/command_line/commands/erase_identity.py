"""The command `erase-identity`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make erase-identity IDENTITY=ARN")
@click.option(
    "--identity",
    required=True,
    help="The ARN of a user or of a role's session, as reports show it.",
)
def command(identity: str) -> None:
    """Replace a person's name with a pseudonym.

    The name leaves the ledger and the state table. Calls, tokens and costs stay. Asks for a typed
    confirmation first.
    """
    from cdk.operations.account import in_account
    from cdk.operations.erase_identity import erase_identity

    in_account(lambda session: erase_identity(session, identity))
