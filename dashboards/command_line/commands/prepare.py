"""The commands of `prepare`, which make runs before the CDK's command line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from cdk.operations.terminal import CommandError
from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import context_option

if TYPE_CHECKING:
    import boto3


class _MakeTargets(CommandGroup):
    """Commands that make runs: their messages start with the name of the target."""

    is_named = False


@click.group(cls=_MakeTargets)
def command() -> None:
    """Check what the CDK needs before make runs it.

    The commands take the arguments of the CDK's command line, and use its settings and profile.
    """


def _refuse_settings_without_option(
    _: click.Context, __: click.Parameter, arguments: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse NAME=VALUE where no option is before it: the CDK takes it for the name of a stack.

    Raises:
        CommandError: An argument is one.
    """
    for before, argument in pairwise(("", *arguments)):
        if "=" in argument and not argument.startswith("-") and not before.startswith("-"):
            message = (
                f'{argument} needs -c before it: SET="-c {argument}". The CDK takes it for the name'
                " of a stack."
            )
            raise CommandError(message)
    return arguments


def _cdk_command(function: Callable[..., None]) -> click.Command:
    """Add a command that accepts any arguments of the CDK's command line."""
    parameters: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        context_option,
        click.option("--profile", help="The profile with the credentials."),
        click.argument(
            "others",
            nargs=-1,
            type=click.UNPROCESSED,
            metavar="[CDK ARGUMENTS]...",
            callback=_refuse_settings_without_option,
        ),
    ]
    for parameter in reversed(parameters):
        function = parameter(function)
    return command.command(context_settings={"ignore_unknown_options": True})(function)


@_cdk_command
def bootstrap(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:
    """Create or update the policies that a deployment needs.

    Each Region has a permissions boundary and, with the brake, a deny policy.
    """
    from cdk.operations.account import in_account
    from cdk.operations.bootstrap_policies import put
    from cdk.operations.brake_removal import check_bootstrap
    from cdk.operations.settings import read_settings

    config = read_settings(context)

    def run(session: boto3.Session) -> None:
        check_bootstrap(session, config, others)
        put(session, config, others)

    in_account(run, profile)


@_cdk_command
def deploy(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:
    """Check settings, credentials, the policies of make bootstrap, and that none stays denied."""
    from cdk.operations.account import in_account
    from cdk.operations.approval import explain_deploy_approval
    from cdk.operations.bootstrap_policies import check
    from cdk.operations.brake_removal import check_deploy
    from cdk.operations.settings import read_settings
    from dashboards.command_line.commands.deny import open_brake

    config = read_settings(context)

    def run(session: boto3.Session) -> None:
        check_deploy(session, config, open_brake)
        check(session, config, others, context)

    in_account(run, profile)
    explain_deploy_approval(others)


@_cdk_command
def destroy(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:
    """Check settings, credentials and Region."""
    from cdk.operations.account import in_account
    from cdk.operations.approval import require_destroy_answer
    from cdk.operations.settings import read_settings

    read_settings(context)
    require_destroy_answer(others)
    in_account(lambda _: None, profile)


@_cdk_command
def synth(context: tuple[str, ...], profile: str | None, others: tuple[str, ...]) -> None:  # noqa: ARG001  # the CDK reads them
    """Check settings."""
    from cdk.operations.settings import read_settings

    read_settings(context)


@_cdk_command
@click.option("--region", help="The Region; by default that of your credentials.")
def verify_account(
    context: tuple[str, ...],
    profile: str | None,
    region: str | None,
    others: tuple[str, ...],  # noqa: ARG001  # the command itself reads them
) -> None:
    """Check settings, credentials and Region."""
    from cdk.operations.account import in_account
    from cdk.operations.settings import read_settings

    read_settings(context)
    in_account(lambda _: None, profile, region)
