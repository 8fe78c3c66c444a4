"""The commands of `budgets`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from dashboards.command_line.actors import find_person
from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import PATH

_file = click.argument("file", type=PATH, metavar="FILE")


@click.group(cls=CommandGroup)
def command() -> None:
    """Apply, list, check and rebuild budgets.

    Budgets are in a JSON file, which docs/budgets.md describes. They take effect without a
    deployment, where governance is on.
    """


@command.command()
@_file
@click.option(
    "--delete",
    multiple=True,
    metavar="NAME",
    help="Delete this stored budget, which the file no longer has; repeat it for several.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
def apply(file: Path, *, delete: tuple[str, ...], dry_run: bool) -> None:
    """Store the budgets of a file.

    Prints what is new, changed and deleted. Changes budgets of the file's manager only, and deletes
    none that is not named.
    """
    import boto3

    from cdk.operations.account import in_account
    from cdk.operations.budgets import apply_file, find_tables, read_file
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore

    declared = read_file(file)

    def run(session: boto3.Session) -> None:
        tables = find_tables(session)
        actor = None if dry_run else find_person(session)
        store = DynamoDbBudgetStore(session.client("dynamodb"), tables.budgets, changed_by=actor)
        apply_file(
            *(store, declared, delete),
            is_dry_run=dry_run,
            has_brake=tables.has_brake,
            has_gateway=tables.has_gateway,
            now=datetime.now(UTC),
        )

    in_account(run)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def rebuild(*, names: tuple[str, ...]) -> None:
    """Add up the sums of stored budgets again, from exact counters.

    They are building for some six minutes, and send no alerts meanwhile. Thresholds that are
    reached then alert again.
    """
    import boto3

    from cdk.operations.account import in_account
    from cdk.operations.budgets import find_tables
    from cdk.operations.budgets import rebuild as rebuild_budgets
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore

    def run(session: boto3.Session) -> None:
        table, actor = find_tables(session).budgets, find_person(session)
        store = DynamoDbBudgetStore(session.client("dynamodb"), table, changed_by=actor)
        rebuild_budgets(store, names, datetime.now(UTC))

    in_account(run)


@command.command("list")
def list_() -> None:
    """List the stored budgets of all managers, and the usage of their current periods."""
    import boto3

    from cdk.operations.account import in_account
    from cdk.operations.budgets import find_tables, list_budgets
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
    from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
    from lambdas.adapters.dynamodb.counters import DynamoDbCounters

    def run(session: boto3.Session) -> None:
        tables, dynamodb = find_tables(session), session.client("dynamodb")
        store = DynamoDbBudgetStore(dynamodb, tables.budgets)
        list_budgets(
            store,
            DynamoDbCounters(dynamodb, tables.counters),
            DynamoDbCalibrationStore(dynamodb, tables.budgets),
            datetime.now(UTC),
            has_brake=tables.has_brake,
            has_gateway=tables.has_gateway,
        )

    in_account(run)


@command.command()
@_file
def validate(file: Path) -> None:
    """Check a file without an AWS account."""
    from cdk.operations.budgets import validate as validate_file

    validate_file(file, datetime.now(UTC))


@command.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    from lambdas.wiring.budgets_file import write_schema

    click.echo(write_schema(), nl=False)
