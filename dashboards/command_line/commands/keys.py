"""The commands of `keys`."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import click

from dashboards.command_line.actors import find_person
from dashboards.command_line.entry_point import CommandGroup

if TYPE_CHECKING:
    import boto3

    from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
    from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies

_SCOPES = ("bedrock", "limits")
_MAX_DAYS = 3650
_MAX_OVERLAP_HOURS = 24 * 90
_RANDOM_BYTES = 32
_prefix = click.argument("prefix", metavar="PREFIX")
_dry_run = click.option("--dry-run", is_flag=True, help="Only print what would change.")


class _Stores(NamedTuple):
    keys: DynamoDbApiKeys
    changes: DynamoDbApiKeyChanges
    policies: DynamoDbPolicies


@click.group(cls=CommandGroup)
def command() -> None:
    """Make, list, rotate and revoke API keys.

    The text of a key is printed once, and only its hash is stored. docs/gateway.md has more.
    """


@command.command()
@click.option("--owner", required=True, help="The person or service that makes the calls.")
@click.option("--tenant", help="The organization of the owner.")
@click.option(
    "--tier", help="The tier whose limits apply; without one, only policies outside of tiers."
)
@click.option("--project", help="The project of the calls.")
@click.option(
    "--scope",
    multiple=True,
    type=click.Choice(_SCOPES),
    help="A permission; repeat it for several. All of them by default.",
)
@click.option("--days", type=click.IntRange(1, _MAX_DAYS), help="The days after which it expires.")
@_dry_run
def create(  # noqa: PLR0913  # click passes each option
    *,
    owner: str,
    tenant: str | None,
    tier: str | None,
    project: str | None,
    scope: tuple[str, ...],
    days: int | None,
    dry_run: bool,
) -> None:
    """Make a key, and print its text once."""
    from cdk.operations.account import in_account
    from cdk.operations.api_keys import NewKey
    from cdk.operations.api_keys import create as create_key
    from cdk.operations.limits import read_stored_policies
    from lambdas.domain.api_keys import Scope

    wanted = NewKey(
        owner,
        tenant,
        tier,
        project,
        tuple(map(Scope, scope)),
        None if days is None else timedelta(days=days),
    )

    def run(session: boto3.Session) -> None:
        stores = _open(session, is_dry_run=dry_run)
        create_key(
            stores.changes,
            read_stored_policies(stores.policies),
            wanted,
            secrets.token_bytes(_RANDOM_BYTES),
            datetime.now(UTC),
            is_dry_run=dry_run,
        )

    in_account(run)


@command.command("list")
def list_() -> None:
    """List the stored keys, without their texts."""
    from cdk.operations.account import in_account
    from cdk.operations.api_keys import list_keys

    def run(session: boto3.Session) -> None:
        list_keys(_open(session, is_dry_run=True).keys, datetime.now(UTC))

    in_account(run)


@command.command()
@_prefix
@_dry_run
def revoke(prefix: str, *, dry_run: bool) -> None:
    """Revoke the key with a prefix for good."""
    from cdk.operations.account import in_account
    from cdk.operations.api_keys import revoke as revoke_key

    def run(session: boto3.Session) -> None:
        stores = _open(session, is_dry_run=dry_run)
        revoke_key(stores.keys, stores.changes, prefix, datetime.now(UTC), is_dry_run=dry_run)

    in_account(run)


@command.command()
@_prefix
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, _MAX_OVERLAP_HOURS),
    default=24,
    show_default=True,
    help="The time in which both keys are valid.",
)
@_dry_run
def rotate(prefix: str, *, overlap_hours: int, dry_run: bool) -> None:
    """Make the successor of a key, and print its text once."""
    from cdk.operations.account import in_account
    from cdk.operations.api_keys import rotate as rotate_key

    def run(session: boto3.Session) -> None:
        stores = _open(session, is_dry_run=dry_run)
        rotate_key(
            stores.keys,
            stores.changes,
            prefix,
            secrets.token_bytes(_RANDOM_BYTES),
            datetime.now(UTC),
            overlap=timedelta(hours=overlap_hours),
            is_dry_run=dry_run,
        )

    in_account(run)


def _open(session: boto3.Session, *, is_dry_run: bool) -> _Stores:
    from cdk.operations.limits import find_governance_table
    from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
    from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
    from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies

    table, dynamodb = find_governance_table(session), session.client("dynamodb")
    actor = None if is_dry_run else find_person(session)
    return _Stores(
        DynamoDbApiKeys(dynamodb, table),
        DynamoDbApiKeyChanges(dynamodb, table, actor),
        DynamoDbPolicies(dynamodb, table),
    )
