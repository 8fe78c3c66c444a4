"""Grants, voids, shows and enforces credits: `bedrock-meter credits`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import boto3
from rich.table import Table

from cdk.config import stack_names
from cdk.operations.budgets import find_unknown_regions
from cdk.operations.credit_enforcement import DRY_RUN, explain_late_labels
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, confirm, open_console, printable
from lambdas.domain.budgets import BudgetScope, to_usd
from lambdas.domain.credits import (
    MAX_COMMIT_TIME,
    RATE_TIME,
    Account,
    AccountKind,
    Balances,
    BurnRates,
    ChangedHours,
    CreditBook,
    CreditEntry,
    CreditGrant,
    CreditsChangedError,
    CreditStore,
    CreditsUnavailableError,
    ExhaustedAction,
    GrantBalance,
    GrantError,
    GrantExistsError,
    ScopeCredits,
    balance_at,
    check_grant,
    count_days_left,
    describe_scope,
    floor_hour,
    get_account,
    get_overage,
    grant_entry,
    list_scopes,
    measure_rates,
    read_amount,
    read_scope_key,
    scope_key,
    void,
    write_entry,
    write_scope,
    write_usd,
)
from lambdas.domain.money import dollars
from lambdas.domain.times import write_seconds
from lambdas.domain.words import plural
from lambdas.wiring.budget_settings import ScopeSetting
from lambdas.wiring.declared_files import InvalidFileError, read_file

_NO_GRANTS = "There are no grants: bedrock-meter credits grant ID AMOUNT adds one."
_VOIDED_ALREADY = "It is voided already. Nothing to change."
_MICROSECOND = timedelta(microseconds=1)
_FORM = "allowed: conditions by label"
_RESTORE = "docs/runbooks/CreditMismatch.md says how to restore its item."
_KINDS_OF_SCOPES = frozenset({AccountKind.USAGE, AccountKind.OVERAGE})
_MAX_ATTEMPTS = 5
_MAX_CLOCK_ERROR = timedelta(minutes=5)


class CreditTables(NamedTuple):
    """The deployed tables of credits, and where they are.

    Attributes:
        governance: The table of grants and entries.
        counters: The table of counters, with the notes of changed hours.
        account_id: The account.
        region: The Region.
        actions: The parts that the deployed setting `credits_exhausted` names.
    """

    governance: str
    counters: str
    account_id: str
    region: str
    actions: tuple[ExhaustedAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedGrant:
    """The wishes for a grant, as people write them.

    Attributes:
        id: Its id.
        amount: The amount in US dollars.
        conditions: The names by label of the usage that it pays for.
        priority: Its priority.
        effective_from: Its first hour; `None` for the current one.
        expires_at: Its end; `None` for never.
        note: A note.
    """

    id: str
    amount: str
    conditions: Mapping[str, Sequence[str]]
    priority: int
    effective_from: datetime | None = None
    expires_at: datetime | None = None
    note: str = ""


def find_tables(session: boto3.Session) -> CreditTables:
    """Find the deployed tables, and print the account and the Region.

    Raises:
        CommandError: Credits are off, the meter is not deployed, or the clock is wrong: it gives
            entries their time.
    """
    cloudformation = session.client("cloudformation")
    deployment = Deployment(cloudformation)
    region = cloudformation.meta.region_name
    if deployment.credit_booker is None:
        message = (
            f"credits are off in {region}: set AWS_REGION, or set governance and credits to true in"
            " cdk.json and run make deploy."
        )
        raise CommandError(message)
    caller = session.client("sts").get_caller_identity()
    check_clock(caller["ResponseMetadata"]["HTTPHeaders"], datetime.now(UTC))
    return CreditTables(
        deployment.output(stack_names.STORAGE, "GovernanceTableName"),
        deployment.output(stack_names.STORAGE, "CounterTableName"),
        caller["Account"],
        region,
        deployment.credit_actions,
    )


def check_clock(headers: Mapping[str, str], now: datetime) -> None:
    """Compare a time with that of an answer of AWS, if its headers have one.

    Raises:
        CommandError: They differ by more than five minutes.
    """
    if "date" not in headers:
        return
    answered_at = parsedate_to_datetime(headers["date"])
    if abs(now - answered_at) > _MAX_CLOCK_ERROR:
        message = (
            f"the clock of this computer shows {write_seconds(now)}, and that of AWS"
            f" {write_seconds(answered_at)}: set it right, since entries have its time."
        )
        raise CommandError(message)


def print_place(tables: CreditTables) -> None:
    """Print the account and the Region that a command is about."""
    print(f"Account {tables.account_id}, Region {tables.region}")


def grant(store: CreditStore, wanted: WantedGrant, now: datetime, *, is_dry_run: bool) -> None:
    """Add a grant. Repeating a command with the same terms changes nothing.

    Args:
        store: The books.
        wanted: The wishes for the grant.
        now: The time.
        is_dry_run: Only print what would be granted.

    Raises:
        CommandError: The grant has faults, or its id is taken, also by a grant that is closed.
    """
    made = _make_grant(wanted, now)
    book = store.read_book()
    if made.id in book.unreadable:
        message = f"a grant {made.id} is there, and cannot be read: {_RESTORE}"
        raise CommandError(message)
    known = book.grants.get(made.id)
    if known is not None:
        _check_same(known, made, wanted)
        used_up = "" if known.picodollars else " It is used up: choose another id to grant more."
        print(f"{made.id} is there already, with the same terms. Nothing to change.{used_up}")
        return
    try:
        check_grant(made, book)
    except GrantError as error:
        raise _make_error(error) from None
    print(f"+ {_describe_grant(made)}")
    if explanation := explain_late_labels(made.scope):
        print(explanation)
    if is_dry_run:
        print(DRY_RUN)
        return
    booking = grant_entry(made)
    (balance,) = booking.grants
    try:
        store.add_grant(balance, booking.entry)
    except GrantExistsError:
        message = (
            f"someone else has added a grant {made.id} at the same time: run the command again."
        )
        raise CommandError(message) from None
    except CreditsUnavailableError as error:
        raise _make_busy(error) from None
    print("Granted.")


def void_grant(
    store: CreditStore,
    name: str,
    clock: Callable[[], datetime],
    *,
    is_dry_run: bool,
    is_confirmed: bool,
) -> None:
    """Void a grant: its rest is lost, and it pays for nothing from now on.

    A grant that has expired can be voided, too, which ends credits of its scope if no other grant
    covers it.

    Args:
        store: The books.
        name: The id of the grant.
        clock: Returns the time, which is that of the entry: after the question, at each attempt.
        is_dry_run: Only print what would be voided.
        is_confirmed: True to ask no question.

    Raises:
        CommandError: There is no such grant, or the answer is no.
    """
    balance = _find_grant(store, name)
    left = "expired" if not balance.is_open else f"{_write_usd(balance.picodollars)} is left"
    print(f"- {_describe_grant(balance.grant)}; {left}")
    if balance.is_voided:
        print(_VOIDED_ALREADY)
        return
    _print_end(store, balance)
    if is_dry_run:
        print(DRY_RUN)
        return
    if not is_confirmed:
        confirm("void", otherwise="nothing was changed.")
    for _ in range(_MAX_ATTEMPTS):
        booking = void(balance, clock())
        if booking is None:  # also if the answer to an earlier attempt was lost
            print(_VOIDED_ALREADY)
            return
        try:
            store.commit(booking.entry, booking.grants)
        except CreditsChangedError:  # usage was booked meanwhile
            balance = _find_grant(store, name)
            continue
        except CreditsUnavailableError as error:
            raise _make_busy(error) from None
        print(f"Voided: {_write_usd(balance.picodollars)} is lost. Past entries stay as they are.")
        return
    message = f"{name} has changed at the same time: run the command again."
    raise CommandError(message)


def show_balance(
    store: CreditStore,
    hours: ChangedHours,
    tables: CreditTables,
    *,
    as_of: datetime | None,
    now: datetime,
    is_json: bool,
) -> None:
    """Print the credits of each scope and each grant, now or as of a time of booking.

    Args:
        store: The books.
        hours: The notes of hours that wait to be booked.
        tables: Where the books are.
        as_of: The time; `None` for now.
        now: The time of the command.
        is_json: Print JSON instead of tables.

    Raises:
        CommandError: The time is in the future, or the books cannot be read.
    """
    at = now if as_of is None else as_of
    if at > now:
        message = f"--as-of {write_seconds(at)} is in the future: name a time in the past."
        raise CommandError(message)
    view = _read_view(store, at)
    waiting = None if as_of is not None else len({note.hour for note in hours.list_changed()})
    if is_json:
        print(json.dumps(_write_view(view, tables, waiting), indent=1))
        return
    print_place(tables)
    for name in view.book.unreadable:
        print(f"{printable(name)} cannot be read, and is left out: {_RESTORE}")
    print(f"Usage that was booked until {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    if not view.book.grants:
        print(_NO_GRANTS)
    else:
        _print_scopes(view)
        _print_grants(view)
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        print(f"{plural(waiting, 'hour')} {verb} to be booked: not all of their usage is in it.")
    elif waiting is not None:
        print("No hour waits to be booked: all usage that is counted is in it.")


def list_entries(
    store: CreditStore, start: datetime | None, end: datetime | None, *, is_json: bool
) -> None:
    """Print the entries that were booked from a time until before another.

    Args:
        store: The books.
        start: The first time; `None` for all until the other one.
        end: The time after the last one; `None` for all from the first one.
        is_json: Print a line of JSON for each entry.

    Raises:
        CommandError: An entry cannot be read.
    """
    entries = read_entries(store, start, end)
    if is_json:
        for entry in entries:
            print(json.dumps(write_entry(entry)))
        return
    if not entries:
        print("There are no entries in this time.")
        return
    table = Table("Booked (UTC)", "Kind", "Hour of use", "Account", "US dollars", "Id")
    for entry in entries:
        for place, (account, picodollars) in enumerate(entry.postings):
            own = _name_entry(entry) if place == 0 else ("", "", "")
            name = printable(_name_account(account))
            table.add_row(*own, name, write_usd(picodollars), "" if place else entry.id)
        if not entry.postings:
            table.add_row(*_name_entry(entry), "-", "0", entry.id)
    open_console().print(table)


def read_entries(
    store: CreditStore, start: datetime | None, end: datetime | None
) -> Sequence[CreditEntry]:
    """Read the entries that were booked from a time until before another.

    Raises:
        CommandError: The times are in the wrong order, or an entry cannot be read.
    """
    if start is not None and end is not None and end <= start:
        message = "the end is not after the start: exchange the two times."
        raise CommandError(message)
    try:
        return list(store.list_entries(start, end))
    except ValueError as error:
        message = f"{error}: restore the table."
        raise CommandError(message) from None


def explain_open_time(end: datetime, now: datetime) -> str | None:
    """Explain that a file of a time may lack entries; `None` if all of them are stored."""
    complete_at = end + MAX_COMMIT_TIME
    if now >= complete_at:
        return None
    return f"Entries may be missing: write the file again at {write_seconds(complete_at)} or later."


class _View(NamedTuple):
    """The credits as of a time.

    Attributes:
        at: The time.
        book: The grants as they were then.
        scopes: The scopes under credits.
        rates: Their burn rates, by their keys.
        balances: The balances of all accounts.
    """

    at: datetime
    book: CreditBook
    scopes: Sequence[ScopeCredits]
    rates: Mapping[str, BurnRates]
    balances: Balances


def _read_view(store: CreditStore, at: datetime) -> _View:
    book, snapshot = store.read_book(), store.read_snapshot(at)
    end, recent = at + _MICROSECOND, at - RATE_TIME
    start = None if snapshot is None else min(snapshot.at, recent)
    entries = read_entries(store, start, end)
    balances = balance_at(entries, at, snapshot)
    past = CreditBook(
        {
            name: _read_past(balance, balances, at)
            for name, balance in book.grants.items()
            if balance.grant.created_at <= at
        },
        book.unreadable,
    )
    scopes = list_scopes(past, at)
    rates = measure_rates((entry for entry in entries if entry.booked_at >= recent), scopes)
    return _View(at, past, scopes, rates, balances)


def _read_past(balance: GrantBalance, balances: Balances, at: datetime) -> GrantBalance:
    """Read a grant as it was at a time."""

    def read_past(moment: datetime | None) -> datetime | None:
        return None if moment is None or moment > at else moment

    return replace(
        balance,
        picodollars=balances.get(get_account(balance.grant), 0),
        closed_at=read_past(balance.closed_at),
        voided_at=read_past(balance.voided_at),
    )


def _print_scopes(view: _View) -> None:
    table = Table(
        "Scope", "Balance", "Granted", "In 24 hours", "A day, of 7 days", "Days left", "Overage"
    )
    for scope in view.scopes:
        rates = view.rates[scope.key]
        days = count_days_left(scope, rates.week)
        table.add_row(
            printable(scope.name),
            _write_usd(scope.balance_picodollars),
            _write_usd(scope.granted_picodollars),
            _write_usd(rates.day),
            _write_usd(rates.week),
            "-" if days is None else f"{days:,.1f}",
            _write_usd(get_overage(view.balances, scope.key)),
        )
    open_console().print(table)


def _print_grants(view: _View) -> None:
    table = Table(
        "Grant", "Pays for", "Left", "Amount", "Priority", "From", "Until", "State", "Note"
    )
    for balance in _sort_grants(view.book):
        grant_ = balance.grant
        table.add_row(
            printable(grant_.id),
            printable(describe_scope(grant_.scope)),
            _write_usd(balance.picodollars),
            _write_usd(grant_.picodollars),
            str(grant_.priority),
            _write_time(grant_.effective_from),
            "-" if grant_.expires_at is None else _write_time(grant_.expires_at),
            _name_state(balance, view.at),
            printable(grant_.note) or "-",
        )
    open_console().print(table)


def _write_view(view: _View, tables: CreditTables, waiting: int | None) -> dict[str, Any]:
    return {
        "account_id": tables.account_id,
        "region": tables.region,
        "as_of": write_seconds(view.at),
        "unbooked_hours": waiting,
        "unreadable_grants": list(view.book.unreadable),
        "scopes": [
            {
                "scope": json.loads(scope.key),
                "balance_usd": write_usd(scope.balance_picodollars),
                "granted_usd": write_usd(scope.granted_picodollars),
                "last_day_usd": write_usd(view.rates[scope.key].day),
                "last_week_usd_per_day": write_usd(view.rates[scope.key].week),
                "days_left": count_days_left(scope, view.rates[scope.key].week),
                "overage_usd": write_usd(get_overage(view.balances, scope.key)),
            }
            for scope in view.scopes
        ],
        "grants": [_write_grant(balance, view.at) for balance in _sort_grants(view.book)],
    }


def _write_grant(balance: GrantBalance, at: datetime) -> dict[str, Any]:
    grant_ = balance.grant
    expires = grant_.expires_at
    return {
        "id": grant_.id,
        "scope": write_scope(grant_.scope),
        "balance_usd": write_usd(balance.picodollars),
        "amount_usd": write_usd(grant_.picodollars),
        "priority": grant_.priority,
        "effective_from": write_seconds(grant_.effective_from),
        "expires_at": None if expires is None else write_seconds(expires),
        "created_at": write_seconds(grant_.created_at),
        "state": _name_state(balance, at),
        "note": grant_.note,
    }


def _name_state(balance: GrantBalance, at: datetime) -> str:
    hour, grant_ = floor_hour(at), balance.grant
    if not balance.is_open:
        return "voided" if balance.is_voided else "expired"
    if not balance.picodollars:
        return "used up"
    if grant_.effective_from > hour:
        return "waiting"
    return "effective" if grant_.is_effective(hour) else "ended"


def _sort_grants(book: CreditBook) -> list[GrantBalance]:
    return sorted(book.grants.values(), key=lambda balance: balance.grant.burn_order)


def _make_grant(wanted: WantedGrant, now: datetime) -> CreditGrant:
    try:
        picodollars = read_amount(wanted.amount)
    except GrantError as error:
        raise _make_error(error) from None
    return CreditGrant(
        id=wanted.id,
        picodollars=picodollars,
        scope=_read_scope(wanted.conditions),
        priority=wanted.priority,
        effective_from=_to_utc(wanted.effective_from) or floor_hour(now),
        expires_at=_to_utc(wanted.expires_at),
        created_at=now,
        note=wanted.note,
    )


def _to_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _read_scope(conditions: Mapping[str, Sequence[str]]) -> BudgetScope:
    """Read the conditions as those of budgets."""
    content = json.dumps({name: list(names) for name, names in conditions.items() if names})
    try:
        scope = read_file(content, ScopeSetting, _FORM).to_domain()
    except InvalidFileError as error:
        message = "the scope has problems:"
        raise CommandError(message, *(f"  {problem}" for problem in error.problems)) from None
    if problems := [*find_unknown_regions(scope)]:
        message = "the scope has problems:"
        raise CommandError(message, *(f"  {problem}" for problem in problems))
    return scope


def _check_same(known: GrantBalance, made: CreditGrant, wanted: WantedGrant) -> None:
    """Check that a grant with the same id has the same terms, and is open.

    Raises:
        CommandError: It has others, or is closed.
    """
    stored = known.grant
    is_same_scope = scope_key(made.scope) == scope_key(stored.scope)
    made = replace(
        made,
        created_at=stored.created_at,
        effective_from=made.effective_from if wanted.effective_from else stored.effective_from,
        scope=stored.scope if is_same_scope else made.scope,
    )
    if made != stored:
        message = (
            f"a grant {made.id} with other terms is there already: {_describe_grant(stored)}."
            " Choose another id."
        )
        raise CommandError(message)
    if not known.is_open:
        state = "was voided" if known.is_voided else "has expired"
        message = f"{made.id} is there already, and {state}: choose another id for new credits."
        raise CommandError(message)


def _print_end(store: CreditStore, voided: GrantBalance) -> None:
    """Print if the scope of a grant is not under credits any more without it."""
    key = scope_key(voided.grant.scope)
    others = (
        balance
        for balance in store.read_book().grants.values()
        if balance.grant.id != voided.grant.id and not balance.is_voided
    )
    if not any(scope_key(balance.grant.scope) == key for balance in others):
        name = printable(describe_scope(voided.grant.scope))
        print(f"It is the last grant for {name}, which is not under credits any more without it.")


def _find_grant(store: CreditStore, name: str) -> GrantBalance:
    book = store.read_book()
    balance = book.grants.get(name)
    if name in book.unreadable:
        message = f"{printable(name)} cannot be read, so it cannot be voided: {_RESTORE}"
        raise CommandError(message)
    if balance is None:
        message = f"there is no grant {printable(name)}: bedrock-meter credits balance lists them."
        raise CommandError(message)
    return balance


def _describe_grant(grant_: CreditGrant) -> str:
    end = "" if grant_.expires_at is None else f" until {_write_time(grant_.expires_at)}"
    return (
        f"{printable(grant_.id)}: {_write_usd(grant_.picodollars)} for"
        f" {printable(describe_scope(grant_.scope))}, from {_write_time(grant_.effective_from)}"
        f"{end}, priority {grant_.priority}"
    )


def _name_account(account: Account) -> str:
    if account.kind in _KINDS_OF_SCOPES:
        return f"{account.kind.value} of {describe_scope(read_scope_key(account.name))}"
    return " ".join(filter(None, (account.kind.value, account.name)))


def _name_entry(entry: CreditEntry) -> tuple[str, str, str]:
    hour = "-" if entry.hour is None else f"{entry.hour:%Y-%m-%d %H}:00"
    return f"{entry.booked_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", entry.kind.value, hour


def _make_error(error: GrantError) -> CommandError:
    return CommandError(f"the grant cannot be added: {error}.")


def _make_busy(error: CreditsUnavailableError) -> CommandError:
    return CommandError(f"{error}: run the command again, which books nothing twice.")


def _write_usd(picodollars: int) -> str:
    return dollars(to_usd(picodollars))


def _write_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
