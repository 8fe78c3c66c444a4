"""The state of credits, as `make doctor` reports it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lambdas.domain.credits import (
    ChangedHours,
    CreditStore,
    CreditSwitchReader,
    ExhaustedScopes,
)
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    import boto3

_SOON = timedelta(days=7)
_MAX_WAITING = 48
"""The hours that may wait to be booked: more are a backlog that grows."""


class CreditStores(NamedTuple):
    """The stores of credits.

    Attributes:
        books: The books.
        hours: The notes of hours that wait to be booked.
        exhausted: The scopes whose credits are exhausted.
        switch: The switch of credits.
    """

    books: CreditStore
    hours: ChangedHours
    exhausted: ExhaustedScopes
    switch: CreditSwitchReader


class OpenCredits(Protocol):
    """Opens the stores of deployed credits."""

    def __call__(self, session: boto3.Session, governance: str, counters: str) -> CreditStores:
        """Open those in the tables `Governance` and `UsageCounters`."""


class CreditReport(NamedTuple):
    """The state of credits.

    Attributes:
        is_late: True if grants cannot be read, or many hours wait to be booked.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_credit_state(stores: CreditStores, now: datetime) -> CreditReport:
    """Read what is left of grants, which end soon, and what waits to be booked."""
    book = stores.books.read_book()
    is_open = [balance for balance in book.grants.values() if balance.is_open]
    ending = [
        balance.grant.id
        for balance in is_open
        if balance.picodollars
        and balance.grant.expires_at is not None
        and now <= balance.grant.expires_at < now + _SOON
    ]
    exhausted = len(stores.exhausted.list_exhausted())
    waiting = len({note.hour for note in stores.hours.list_changed()})
    parts = [f"{plural(len(is_open), 'open grant')}."]
    if exhausted:
        parts.append(f"{plural(exhausted, 'scope')} without credits.")
    if ending:
        parts.append(f"Grants that end within {_SOON.days} days: {list_names(ending)}.")
    if waiting:
        parts.append(f"{plural(waiting, 'hour')} of usage to be booked.")
    if book.unreadable:
        names = list_names(book.unreadable)
        parts.append(f"Grants that cannot be read, so that nothing is booked: {names}.")
    state = "are" if stores.switch.read().is_on else "are not"
    parts.append(f"Exhausted credits {state} enforced: bedrock-meter credits enforce status.")
    return CreditReport(bool(book.unreadable) or waiting > _MAX_WAITING, " ".join(parts))
