"""The commands of `audit`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import out_option

if TYPE_CHECKING:
    import boto3


@click.group(cls=CommandGroup)
def command() -> None:
    """Verify and export the audit trail.

    It has each change of budgets, prices and the brake, where governance is on.
    docs/audit.md describes it.
    """


@command.command()
@click.option(
    "--reviewed",
    type=click.IntRange(min=0),
    default=0,
    metavar="SEQUENCE",
    help="Changes without an actor up to this entry were reviewed, so they end with 0.",
)
def verify(*, reviewed: int) -> None:
    """Verify each entry, the chain of their hashes, and the anchors of its head.

    Ends with 4 if an entry was altered, removed or added, the chain was rewritten, anchors are
    missing or not locked, or a budget, the switch of the brake or a release is not stored as its
    last entry has it; otherwise with 3 if changes have no actor.
    """
    from cdk.operations.account import in_account
    from cdk.operations.audit import AuditTrail, find_places, verify_audit
    from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
    from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
    from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
    from lambdas.adapters.s3.audit_anchors import S3AuditAnchors

    def run(session: boto3.Session) -> None:
        places, dynamodb = find_places(session), session.client("dynamodb")
        trail = AuditTrail(
            store=DynamoDbAuditStore(dynamodb, places.audit),
            anchors=S3AuditAnchors(session.client("s3"), places.anchors),
            lock=places.lock,
            budgets=DynamoDbBudgetStore(dynamodb, places.governance),
            brake=DynamoDbBrakeState(dynamodb, places.governance),
            people=DynamoDbPersonDirectory(dynamodb, places.governance),
            deployed_at=places.deployed_at,
        )
        verify_audit(trail, datetime.now(UTC), reviewed=reviewed)

    in_account(run)


@command.command()
@out_option("The file to write; without it, entries are printed.")
@click.option("--names", is_flag=True, help="Add the names of people that were not erased.")
def export(out: Path | None, *, names: bool) -> None:
    """Write all entries as lines of JSON, the oldest first."""
    from cdk.operations.account import in_account
    from cdk.operations.audit import export_audit, find_places
    from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
    from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory

    def run(session: boto3.Session) -> None:
        places, dynamodb = find_places(session), session.client("dynamodb")
        store = DynamoDbAuditStore(dynamodb, places.audit)
        people = DynamoDbPersonDirectory(dynamodb, places.governance)
        if out is None:
            export_audit(store, people, sys.stdout, with_names=names)
            return
        with out.open("w", encoding="utf-8") as file:
            count = export_audit(store, people, file, with_names=names)
        click.echo(f"Wrote {count:,} entries to {out}.")

    in_account(run)
