"""Operators who grant credits and void them, and what the books have to hold at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
from lambdas.adapters.dynamodb.counter_items import read_cell as read_counted
from lambdas.adapters.dynamodb.counter_items import read_state
from lambdas.adapters.dynamodb.credit_items import read_content
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.items import read_key
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import (
    CREDIT_CELLS_PREFIX,
    CREDIT_ENTRIES,
    CREDIT_GRANTS,
)
from lambdas.domain.counters import CellSpan
from lambdas.domain.counters.table import CELL_PREFIX, CHANGED_HOURS, SORT_KEY, STATE_KEY
from lambdas.domain.credits import (
    EXPIRY_DELAY,
    AccountKind,
    Balances,
    BookedCell,
    CellId,
    CreditBook,
    CreditEntry,
    CreditGrant,
    CreditsChangedError,
    CreditsUnavailableError,
    GrantExistsError,
    balance_at,
    get_account,
    grant_entry,
    is_under_credits,
    sum_balances,
    void,
)
from lambdas.domain.credits.documents import read_balance, read_cell
from lambdas.domain.governance_keys import PARTITION_KEY
from tests.builders import ANA, BEN
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.traffic import TRAFFIC
from tests.simulation.world import START

_GRANTS = 3
_VOIDED_SHARE = 0.4
_AMOUNTS = (10**10, 4 * 10**10, 10**11, 10**12)
_SCOPES = (BudgetScope(), BudgetScope(identity=(ANA,)), BudgetScope(identity=(BEN, ANA)))
_REFUSALS = (BotoCoreError, ClientError, CreditsChangedError, CreditsUnavailableError)
_HOUR = timedelta(hours=1)


class CreditsWatch:
    """Watches entries, which no one may change.

    Attributes:
        changed: The keys of entries that were changed or deleted.
    """

    def __init__(self, account: Account) -> None:
        self.changed: list[str] = []
        self._before = account.tables[GOVERNANCE].watch
        account.tables[GOVERNANCE].watch = self._see

    def _see(self, before: Any, after: Any) -> None:
        self._before(before, after)
        if before is not None and before[PARTITION_KEY]["S"] == CREDIT_ENTRIES:
            self.changed.append(str(before))


def plan_credits(account: Account) -> None:
    """Plan what operators do: grants while calls are made, some of them voided later.

    The first one puts all usage under credits.
    """
    random = account.world.random
    everything = {"id": "everything", "picodollars": random.choice(_AMOUNTS), "priority": 9}
    account.world.at(START, _grant, account, everything, None)
    for number in range(_GRANTS):
        at = START + (TRAFFIC + 2 * _HOUR) * random.random()
        wanted = {
            "id": f"grant-{number}",
            "picodollars": random.choice(_AMOUNTS),
            "scope": random.choice(_SCOPES),
            "priority": random.randint(1, 2),
        }
        hours = random.choice([None, 1, 2, 4])
        account.world.at(at, _grant, account, wanted, hours)
        if random.random() < _VOIDED_SHARE:
            account.world.at(at + 4 * _HOUR * random.random(), _void, account, wanted["id"])


def read_book(account: Account) -> CreditBook:
    """Read the grants with no fault in the way."""
    balances = [
        read_content(item, read_balance)
        for item in account.tables[GOVERNANCE].list_partition(CREDIT_GRANTS)
    ]
    return CreditBook({balance.grant.id: balance for balance in balances})


def _open_store(account: Account) -> DynamoDbCreditStore:
    return DynamoDbCreditStore(account.dynamodb, GOVERNANCE, account.pause)


def _grant(account: Account, wanted: Mapping[str, Any], hours: int | None) -> None:
    """Run the command, and again a minute later if it fails."""
    start = CellSpan.HOUR.get_start(account.now)
    expires_at = None if hours is None else start + hours * _HOUR
    grant = CreditGrant(
        **wanted, effective_from=start, expires_at=expires_at, created_at=account.now
    )
    booking = grant_entry(grant)
    try:
        _open_store(account).add_grant(booking.grants[0], booking.entry)
    except GrantExistsError:
        return  # the answer of the attempt before was lost
    except _REFUSALS:
        account.world.after(60, _grant, account, wanted, hours)


def _void(account: Account, grant_id: str) -> None:
    """Run the command, and again a minute later if it fails."""
    store = _open_store(account)
    try:
        balance = store.read_book().grants.get(grant_id)
        booking = None if balance is None else void(balance, account.now)
        if booking is not None:
            store.commit(*booking)
    except _REFUSALS:
        account.world.after(60, _void, account, grant_id)


def find_wrong_books(account: Account) -> Iterator[str]:
    """Find what does not hold in the books."""
    store = _open_store(account)
    book, entries = store.read_book(), list(store.list_entries())
    cells = _read_booked(account)
    sums = sum_balances(entries)
    if sum(sums.values()):
        yield "the accounts of credits do not sum to 0"
    if repeated := [name for name, n in Counter(entry.id for entry in entries).items() if n > 1]:
        yield f"entries are booked twice: {repeated}"
    if waiting := DynamoDbChangedHours(account.dynamodb, COUNTERS).list_changed():
        yield f"hours are still to be booked: {waiting}"
    yield from find_unbooked(account, book)
    yield from _find_wrong_balances(account, book, entries, cells, sums)
    yield from _find_wrong_payments(book, cells)
    yield from _find_wrong_snapshots(account, store, entries)


def _read_booked(account: Account) -> Mapping[CellId, BookedCell]:
    found = [
        read_content(item, read_cell)
        for item in account.tables[GOVERNANCE].items.values()
        if item[PARTITION_KEY]["S"].startswith(CREDIT_CELLS_PREFIX)
    ]
    return {cell.id: cell for cell in found}


def find_unbooked(account: Account, *books: CreditBook) -> Iterator[str]:
    """Find cells under credits whose hour has no note, and that are not booked as counted.

    Counted cells are compared with the truth by another check.

    Args:
        account: The account.
        books: The grants, as they were read at different times: all have to cover the cell.
    """
    items = account.tables[COUNTERS].items.values()
    keys = [(read_key(item), item[SORT_KEY]["S"]) for item in items]
    noted = {sort_key.partition("#")[0] for key, sort_key in keys if key == CHANGED_HOURS}
    state = next((read_state(item) for item in items if read_key(item) == STATE_KEY), None)
    prefix = f"{CELL_PREFIX}{state.generation if state else 0}#{CellSpan.HOUR}#"
    counted = {
        CellId(cell.key.start, cell.key.labels): cell.totals.cost_picodollars
        for cell in (read_counted(item) for item in items if read_key(item).startswith(prefix))
    }
    cells = _read_booked(account)
    for cell_id in sorted({*counted, *cells}):
        booked = cells.get(cell_id, BookedCell(id=cell_id)).picodollars
        is_due = cell_id.hour.isoformat() not in noted and booked != counted.get(cell_id, 0)
        if is_due and all(is_under_credits(book, *cell_id) for book in books):
            yield f"{cell_id}: {booked} booked, and {counted.get(cell_id)} counted"


def _find_wrong_balances(
    account: Account,
    book: CreditBook,
    entries: list[CreditEntry],
    cells: Mapping[CellId, BookedCell],
    sums: Balances,
) -> Iterator[str]:
    for name, balance in book.grants.items():
        own = get_account(balance.grant)
        if sums.get(own, 0) != balance.picodollars:
            yield f"{name} has {balance.picodollars}, and its entries {sums.get(own, 0)}"
        if not 0 <= balance.picodollars <= balance.grant.picodollars:
            yield f"{name} has {balance.picodollars} of {balance.grant.picodollars}"
        ends = balance.grant.expires_at
        if balance.is_open and ends and ends + EXPIRY_DELAY + 3 * _HOUR < account.now:
            yield f"{name} has not expired"
        for entry in entries:
            is_after = balance.closed_at is not None and entry.booked_at > balance.closed_at
            if is_after and any(posting.account == own for posting in entry.postings):
                yield f"{name} was closed, and {entry.id} is booked on it"
    used = sum(amount for account, amount in sums.items() if account.kind is AccountKind.USAGE)
    booked = sum(cell.picodollars for cell in cells.values())
    if used != booked:
        yield f"{used} is usage by entries, and {booked} by cells"


def _find_wrong_payments(book: CreditBook, cells: Mapping[CellId, BookedCell]) -> Iterator[str]:
    """Find payments by grants that do not cover the usage."""
    for cell in cells.values():
        for payment in cell.payments:
            if payment.account.kind is AccountKind.GRANT:
                grant = book.grants[payment.account.name].grant
                is_covered = grant.is_effective(cell.id.hour)
                if not is_covered or not grant.scope.includes(cell.id.labels):
                    yield f"{grant.id} has paid for {cell.id}"


def _find_wrong_snapshots(
    account: Account, store: DynamoDbCreditStore, entries: list[CreditEntry]
) -> Iterator[str]:
    snapshot = store.read_snapshot(account.now)
    if snapshot is None:
        yield "no snapshot was taken"
    elif balance_at(entries, account.now, snapshot) != balance_at(entries, account.now):
        yield f"the snapshot of {snapshot.at} changes balances"
