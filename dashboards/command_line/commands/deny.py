"""The commands of `deny`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import IsoTime

if TYPE_CHECKING:
    import boto3

    from cdk.operations.denies import DeployedBrake


def open_brake(session: boto3.Session, region: str | None = None) -> DeployedBrake:
    """Open the deployed brake of a Region; by default that of the session.

    Raises:
        CommandError: It is not deployed.
    """
    from cdk.operations.denies import DeployedBrake, find_brake
    from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
    from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
    from lambdas.adapters.lambda_run_starter import LambdaRunStarter

    names = find_brake(session, region)
    dynamodb = session.client("dynamodb", region_name=region)
    functions = session.client("lambda", region_name=region)
    operator = session.client("sts").get_caller_identity()
    return DeployedBrake(
        denies=DynamoDbDenies(dynamodb, names.table),
        decisions=DynamoDbBrakeState(dynamodb, names.table),
        runs=LambdaRunStarter(functions, names.controller, {}),
        budgets=DynamoDbBudgetStore(dynamodb, names.table),
        account_id=operator["Account"],
        region=dynamodb.meta.region_name,
        operator_arn=operator["Arn"],
        people=DynamoDbPersonDirectory(dynamodb, names.table),
    )


@click.group(cls=CommandGroup)
def command() -> None:
    """List and release denied callers.

    Also switches the brake on and off, which denies callers whose budgets are used up;
    docs/brake.md describes it.
    """


@command.command("list")
def list_() -> None:
    """List denied callers with their budgets, releases in force, and the state of the switch."""
    from cdk.operations.account import in_account
    from cdk.operations.denies import list_denies

    def run(session: boto3.Session) -> None:
        list_denies(open_brake(session), datetime.now(UTC))

    in_account(run)


@command.command()
@click.argument("callers", nargs=-1, metavar="[ARN...]")
@click.option(
    "--all", "is_all", is_flag=True, help="All denied callers; with --undo, all released ones."
)
@click.option(
    "--until",
    type=IsoTime(),
    help=(
        "The time at which the release ends, in ISO 8601, in UTC unless it has a time zone; by"
        " default the end of the period."
    ),
)
@click.option("--undo", "is_undone", is_flag=True, help="End releases instead.")
def release(
    *, callers: tuple[str, ...], is_all: bool, until: datetime | None, is_undone: bool
) -> None:
    """Release denied callers until the period of their budget ends.

    A release ends earlier if the budget is lowered or built again. Other budgets still hold.
    """
    from cdk.operations.account import in_account
    from cdk.operations.denies import release_callers, undo_releases

    if bool(callers) == is_all:
        message = "Name callers by their ARNs, or all of them with --all."
        raise click.UsageError(message)
    if is_undone and until is not None:
        message = "--undo ends releases now: leave out --until."
        raise click.UsageError(message)

    def run(session: boto3.Session) -> None:
        brake, now = open_brake(session), datetime.now(UTC)
        if is_undone:
            undo_releases(brake, callers, now=now)
        else:
            release_callers(brake, callers, until=until, now=now)

    in_account(run)


@command.command()
@click.argument("state", type=click.Choice(["on", "off"]), metavar="STATE")
def switch(*, state: str) -> None:
    """Switch the brake: STATE is on or off.

    Off, all callers are released, and none is denied. It takes no deployment.
    """
    from cdk.operations.account import in_account
    from cdk.operations.denies import set_switch

    def run(session: boto3.Session) -> None:
        set_switch(open_brake(session), is_on=state == "on", now=datetime.now(UTC))

    in_account(run)
