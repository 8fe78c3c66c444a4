"""The commands of `limits`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dashboards.command_line.actors import find_person
from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import PATH

if TYPE_CHECKING:
    import boto3

    from cdk.operations.gateway_health import GatewayStores

_file = click.argument("file", type=PATH, metavar="FILE")


@click.group(cls=CommandGroup)
def command() -> None:
    """Apply, list and check limits of the gateway.

    Limits are in a JSON file, which docs/gateway.md describes. They take effect within 30 seconds,
    without a deployment.
    """


@command.command()
@_file
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
def apply(file: Path, *, dry_run: bool) -> None:
    """Replace the stored policies by those of a file.

    Prints what is new, changed and deleted.
    """
    from cdk.operations.account import in_account
    from cdk.operations.limits import apply as apply_policies
    from cdk.operations.limits import find_governance_table, read_file, warn_without_gateway
    from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies
    from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter

    declared = read_file(file)

    def run(session: boto3.Session) -> None:
        table, dynamodb = find_governance_table(session), session.client("dynamodb")
        actor = None if dry_run else find_person(session)
        apply_policies(
            DynamoDbPolicies(dynamodb, table),
            DynamoDbPolicyWriter(dynamodb, table, actor),
            declared,
            tuple(DynamoDbApiKeys(dynamodb, table).list_keys()),
            datetime.now(UTC),
            is_dry_run=dry_run,
        )
        warn_without_gateway(session)

    in_account(run)


@command.command("list")
def list_() -> None:
    """List the stored policies."""
    from cdk.operations.account import in_account
    from cdk.operations.limits import (
        find_governance_table,
        list_policies,
        warn_without_gateway,
    )
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies

    def run(session: boto3.Session) -> None:
        table = find_governance_table(session)
        list_policies(DynamoDbPolicies(session.client("dynamodb"), table))
        warn_without_gateway(session)

    in_account(run)


@command.command()
@_file
def validate(file: Path) -> None:
    """Check a file without an AWS account.

    Warns of conditions that no call can meet.
    """
    from cdk.operations.limits import validate as validate_file

    validate_file(file)


@command.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    from lambdas.wiring.limit_policies_file import write_schema

    click.echo(write_schema(), nl=False)


def open_gateway(session: boto3.Session, table: str) -> GatewayStores:
    """Open keys and policies in the table `Governance`."""
    from cdk.operations.gateway_health import GatewayStores
    from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies

    dynamodb = session.client("dynamodb")
    return GatewayStores(DynamoDbApiKeys(dynamodb, table), DynamoDbPolicies(dynamodb, table))
