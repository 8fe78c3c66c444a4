"""The command `release`."""

from __future__ import annotations

import click


@click.command(epilog="With make: make release")
def command() -> None:
    """Build the cloud assembly and its SBOM in .release.

    The clone must have no changes, and CHANGELOG.md must have the version of pyproject.toml.
    """
    from cdk.operations.release import make_release

    make_release()
