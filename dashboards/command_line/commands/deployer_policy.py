"""The command `deployer-policy`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make synth deployer-policy")
def command() -> None:
    """Regenerate the deployer's policies and the boundary.

    All are derived from the templates in cdk.out.
    """
    from cdk.operations.boundary_policy import write_boundary
    from cdk.operations.deployer_policy import write_policies

    write_policies()
    write_boundary()
