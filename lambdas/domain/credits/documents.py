"""Grants, entries, booked cells and snapshots as JSON documents. Money is text in US dollars.

Readers pass over fields that they do not know, so that a later version can add some. A document
with a higher version is refused: its fields may mean something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from lambdas.domain.budgets import BudgetScope, ScopeField, to_usd
from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits.balances import CreditSnapshot
from lambdas.domain.credits.booked_cells import BookedCell, CellId, Payment
from lambdas.domain.credits.entries import (
    Account,
    AccountKind,
    CreditEntry,
    EntryKind,
    Posting,
)
from lambdas.domain.credits.grants import CreditGrant, GrantBalance
from lambdas.domain.money import to_picodollars
from lambdas.domain.times import read_time, write_time
from lambdas.domain.words import exact_text

Document: TypeAlias = dict[str, Any]
VERSION = 1


def write_usd(picodollars: int) -> str:
    """Write pico-dollars as US dollars, exactly.

    >>> write_usd(1_500_000_000_000), write_usd(-1)
    ('1.5', '-0.000000000001')
    """
    return exact_text(to_usd(picodollars))


def read_usd(text: str) -> int:
    """Read US dollars as pico-dollars.

    Raises:
        ArithmeticError: The text is no number.
        ValueError: It has more than 12 decimal places.
    """
    usd = Decimal(text)
    picodollars = to_picodollars(usd)
    if to_usd(picodollars) != usd:
        message = f"an amount with more than 12 decimal places: {text}"
        raise ValueError(message)
    return picodollars


def write_grant(grant: CreditGrant) -> Document:
    """Write a grant."""
    conditions = grant.scope.conditions
    return {
        "version": VERSION,
        "id": grant.id,
        "usd": write_usd(grant.picodollars),
        "scope": {field.value: list(names) for field, names in conditions.items()},
        "priority": grant.priority,
        "effective_from": write_time(grant.effective_from),
        "expires_at": _write_time(grant.expires_at),
        "created_at": write_time(grant.created_at),
        "note": grant.note,
    }


def read_grant(document: Mapping[str, Any]) -> CreditGrant:
    """Read a document that `write_grant` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    _check_version(document)
    scope = {ScopeField(name).value: tuple(names) for name, names in document["scope"].items()}
    return CreditGrant(
        id=document["id"],
        picodollars=read_usd(document["usd"]),
        scope=BudgetScope(**scope),
        priority=int(document["priority"]),
        effective_from=read_time(document["effective_from"]),
        expires_at=_read_time(document["expires_at"]),
        created_at=read_time(document["created_at"]),
        note=document["note"],
    )


def write_balance(balance: GrantBalance) -> Document:
    """Write a grant with what is left of it."""
    return {
        "version": VERSION,
        "grant": write_grant(balance.grant),
        "rest_usd": write_usd(balance.picodollars),
        "revision": balance.version,
        "closed_at": _write_time(balance.closed_at),
        "voided_at": _write_time(balance.voided_at),
    }


def read_balance(document: Mapping[str, Any]) -> GrantBalance:
    """Read a document that `write_balance` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    _check_version(document)
    return GrantBalance(
        grant=read_grant(document["grant"]),
        picodollars=read_usd(document["rest_usd"]),
        version=int(document["revision"]),
        closed_at=_read_time(document["closed_at"]),
        voided_at=_read_time(document["voided_at"]),
    )


def write_entry(entry: CreditEntry) -> Document:
    """Write an entry."""
    return {
        "version": VERSION,
        "id": entry.id,
        "kind": entry.kind.value,
        "booked_at": write_time(entry.booked_at),
        "hour": _write_time(entry.hour),
        "postings": _write_amounts(entry.postings),
    }


def read_entry(document: Mapping[str, Any]) -> CreditEntry:
    """Read a document that `write_entry` wrote.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    _check_version(document)
    return CreditEntry(
        id=document["id"],
        kind=EntryKind(document["kind"]),
        booked_at=read_time(document["booked_at"]),
        hour=_read_time(document["hour"]),
        postings=tuple(map(_read_posting, document["postings"])),
    )


def write_cell(cell: BookedCell) -> Document:
    """Write what is booked of a cell."""
    return {
        "version": VERSION,
        "hour": write_time(cell.id.hour),
        "labels": cell.id.labels._asdict(),
        "payments": _write_amounts(cell.payments),
        "revision": cell.version,
    }


def read_cell(document: Mapping[str, Any]) -> BookedCell:
    """Read a document that `write_cell` wrote.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    _check_version(document)
    labels = UsageLabels(*(document["labels"][name] for name in UsageLabels._fields))
    payments = (Payment(*_read_posting(payment)) for payment in document["payments"])
    return BookedCell(
        id=CellId(read_time(document["hour"]), labels),
        payments=tuple(payments),
        version=int(document["revision"]),
    )


def write_snapshot(snapshot: CreditSnapshot) -> Document:
    """Write a snapshot."""
    balances = [Posting(account, rest) for account, rest in snapshot.balances.items()]
    return {
        "version": VERSION,
        "at": write_time(snapshot.at),
        "balances": _write_amounts(balances),
    }


def read_snapshot(document: Mapping[str, Any]) -> CreditSnapshot:
    """Read a document that `write_snapshot` wrote.

    Raises:
        KeyError, TypeError, ValueError, ArithmeticError: It is another one.
    """
    _check_version(document)
    return CreditSnapshot(read_time(document["at"]), dict(map(_read_posting, document["balances"])))


def _write_amounts(amounts: Sequence[Posting | Payment]) -> list[Document]:
    return [
        {
            "account": amount.account.kind.value,
            "name": amount.account.name,
            "usd": write_usd(amount.picodollars),
        }
        for amount in amounts
    ]


def _read_posting(document: Mapping[str, Any]) -> Posting:
    account = Account(AccountKind(document["account"]), document["name"])
    return Posting(account, read_usd(document["usd"]))


def _check_version(document: Mapping[str, Any]) -> None:
    if int(document["version"]) > VERSION:
        message = "a later version of the meter wrote this; update the meter to read it"
        raise ValueError(message)


def _write_time(moment: datetime | None) -> str | None:
    return None if moment is None else write_time(moment)


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)
