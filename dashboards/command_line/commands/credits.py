"""The commands of `credits`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboards.command_line.actors import find_person
from dashboards.command_line.entry_point import CommandGroup
from dashboards.command_line.parameters import IsoTime, WholeNumber, out_option

if TYPE_CHECKING:
    import boto3

    from cdk.operations.credits import CreditTables
    from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore

_CONDITIONS = {
    "project": "Pay for usage of this project; * stands for any text. Repeat it for several.",
    "department": "Likewise of this department.",
    "use_case": "Likewise of this use case.",
    "identity": "Likewise of this identity, by its full ARN.",
    "principal": "Likewise of this role or user with all its sessions, by its ARN without a path.",
    "model": "Likewise of this foundation model.",
    "region": "Likewise of calls to this Region.",
}
_dry_run = click.option("--dry-run", is_flag=True, help="Only print what would change.")
_json = click.option("--json", "is_json", is_flag=True, help="Print JSON instead of tables.")


def _scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each label."""
    for name, text in reversed(_CONDITIONS.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, multiple=True, metavar="NAME", help=text)(command)
    return command


@click.group(cls=CommandGroup)
def command() -> None:
    """Grant, void and show credits, which usage draws down.

    docs/credits.md describes them. They need the settings governance and credits.
    """


@command.command()
@click.argument("grant_id", metavar="ID")
@click.argument("amount", metavar="AMOUNT")
@_scope_options
@click.option(
    "--priority",
    type=WholeNumber(0, 1000),
    default=50,
    show_default=True,
    help="Its place among grants that could pay: the lowest number pays first.",
)
@click.option(
    "--from",
    "effective_from",
    type=IsoTime(),
    help="The first hour that it pays for, in UTC unless it has a time zone; by default now.",
)
@click.option(
    "--until", "expires_at", type=IsoTime(), help="The hour at which it ends; by default never."
)
@click.option("--note", default="", help="A note, such as the number of an order.")
@_dry_run
def grant(  # noqa: PLR0913  # each is an option
    *,
    grant_id: str,
    amount: str,
    priority: int,
    effective_from: datetime | None,
    expires_at: datetime | None,
    note: str,
    dry_run: bool,
    **conditions: tuple[str, ...],
) -> None:
    """Grant credits: AMOUNT US dollars under the name ID, for usage that meets all conditions.

    Without conditions they pay for all usage. Repeating the command changes nothing.
    """
    from cdk.operations.credits import WantedGrant
    from cdk.operations.credits import grant as add_grant

    wanted = WantedGrant(
        id=grant_id,
        amount=amount,
        conditions=conditions,
        priority=priority,
        effective_from=effective_from,
        expires_at=expires_at,
        note=note,
    )

    def run(session: boto3.Session, tables: CreditTables) -> None:
        store = _open_books(session, tables, is_changed=not dry_run)
        add_grant(store, wanted, datetime.now(UTC), is_dry_run=dry_run)

    _in_account(run)


@command.command()
@click.argument("grant_id", metavar="ID")
@_dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
def void(*, grant_id: str, dry_run: bool, yes: bool) -> None:
    """Void the grant ID for good: its rest is lost.

    What it has paid stays paid. A grant that has expired can be voided, too: once all grants of its
    scope are voided, its usage is not booked on credits any more.
    """
    from cdk.operations.credits import void_grant

    def run(session: boto3.Session, tables: CreditTables) -> None:
        store = _open_books(session, tables, is_changed=not dry_run)
        void_grant(store, grant_id, lambda: datetime.now(UTC), is_dry_run=dry_run, is_confirmed=yes)

    _in_account(run)


@command.command()
@click.option(
    "--as-of",
    type=IsoTime(),
    help="A time in the past, by booking, in UTC unless it has a time zone; by default now.",
)
@_json
def balance(*, as_of: datetime | None, is_json: bool) -> None:
    """Show balance, burn rate, days left and overage of each scope, and each grant."""
    from cdk.operations.credits import show_balance
    from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours

    def run(session: boto3.Session, tables: CreditTables) -> None:
        show_balance(
            _open_books(session, tables, is_changed=False),
            DynamoDbChangedHours(session.client("dynamodb"), tables.counters),
            tables,
            as_of=as_of,
            now=datetime.now(UTC),
            is_json=is_json,
        )

    _in_account(run, is_quiet=True)


@command.command()
@click.option("--from", "start", type=IsoTime(), help="The first time of booking.")
@click.option("--to", "end", type=IsoTime(), help="The time of booking after the last one.")
@_json
def entries(*, start: datetime | None, end: datetime | None, is_json: bool) -> None:
    """List the entries of the books, which sum to 0 each."""
    from cdk.operations.credits import list_entries

    def run(session: boto3.Session, tables: CreditTables) -> None:
        store = _open_books(session, tables, is_changed=False)
        list_entries(store, start, end, is_json=is_json)

    _in_account(run, is_quiet=is_json)


@command.command()
@click.argument("start", type=IsoTime(), metavar="FROM")
@click.argument("end", type=IsoTime(), metavar="TO")
@out_option("Write to this file: .csv, .csv.gz or .parquet.", required=True)
def focus(*, start: datetime, end: datetime, out: Path) -> None:
    """Write the entries that were booked from FROM until before TO in FOCUS columns."""
    from cdk.operations.credits import read_entries
    from dashboards.reports.credit_focus import write_credits
    from lambdas.domain.reports.focus import CreditIssuer

    def run(session: boto3.Session, tables: CreditTables) -> None:
        store = _open_books(session, tables, is_changed=False)
        found, book = read_entries(store, start, end), store.read_book()
        issuer = CreditIssuer(tables.account_id, tables.region)
        write_credits(found, book, issuer, (start, end), out)

    _in_account(run)


@command.command()
@click.argument("state", type=click.Choice(["on", "off", "status"]), metavar="STATE")
@_dry_run
def enforce(*, state: str, dry_run: bool) -> None:
    """Switch on or off that exhausted credits stop usage: STATE is on, off or status.

    On, the brake and the gateway do so if the setting credits_exhausted names them. It takes no
    deployment.
    """
    from cdk.operations.credits import set_switch, show_switch
    from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
    from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes

    def run(session: boto3.Session, tables: CreditTables) -> None:
        dynamodb, table = session.client("dynamodb"), tables.governance
        switch = DynamoDbCreditSwitch(dynamodb, table)
        exhausted = DynamoDbExhaustedScopes(dynamodb, table)
        if state == "status":
            show_switch(switch, exhausted)
            return
        by = None if dry_run else find_person(session)
        set_switch(switch, exhausted, is_on=state == "on", by=by, now=datetime.now(UTC))

    _in_account(run)


def _in_account(
    run: Callable[[boto3.Session, CreditTables], None], *, is_quiet: bool = False
) -> None:
    """Run a command on the deployed credits, whose place it prints first unless it is quiet."""
    from cdk.operations.account import in_account
    from cdk.operations.credits import find_tables, print_place

    def run_there(session: boto3.Session) -> None:
        tables = find_tables(session)
        if not is_quiet:
            print_place(tables)
        run(session, tables)

    in_account(run_there)


def _open_books(
    session: boto3.Session, tables: CreditTables, *, is_changed: bool
) -> DynamoDbCreditStore:
    """Open the books; to change them, in the name of the session's person."""
    from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore

    actor = find_person(session) if is_changed else None
    return DynamoDbCreditStore(session.client("dynamodb"), tables.governance, changed_by=actor)
