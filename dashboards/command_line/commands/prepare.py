"""The commands of `prepare`, which make runs before the CDK's command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dashboards.command_line.entry_point import CommandGroup


@click.group(cls=CommandGroup)
def command() -> None:
    """Check what the CDK needs before make runs it.

    The commands take the arguments of the CDK's command line, and use its settings and profile.
    """


def _cdk_command(function: Callable[..., None]) -> click.Command:
    """Add a command that accepts any arguments of the CDK's command line."""
    parameters: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.option("-c", "--context", multiple=True, metavar="NAME=VALUE", help="A setting."),
        click.option("--profile", help="The profile with the credentials."),
        click.argument("others", nargs=-1, type=click.UNPROCESSED, metavar="[CDK ARGUMENTS]..."),
    ]
    for parameter in reversed(parameters):
        function = parameter(function)
    return command.command(context_settings={"ignore_unknown_options": True})(function)


@_cdk_command
def bootstrap(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:
    """Create or update the permissions boundaries.

    There is one for each Region.
    """
    from cdk.operations.account import in_account
    from cdk.operations.boundary import put, read_settings

    config = read_settings(context)
    in_account(lambda session: put(session, config, others), profile)


@_cdk_command
def deploy(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:
    """Check credentials and permissions boundaries."""
    from cdk.operations.account import in_account
    from cdk.operations.boundary import check, read_settings

    config = read_settings(context)
    in_account(lambda session: check(session, config, others), profile)


@_cdk_command
def destroy(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:  # noqa: ARG001  # the CDK reads them
    """Check credentials and Region."""
    from cdk.operations.account import in_account

    in_account(lambda _: None, profile)
