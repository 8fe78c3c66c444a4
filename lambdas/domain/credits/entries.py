"""Entries of the books of credits: each moves money between accounts, and its postings sum to 0."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class AccountKind(StrEnum):
    """The kind of an account."""

    GRANTED = "granted"
    """The source of all grants; its balance is minus their sum."""
    GRANT = "grant"
    """The rest of a grant."""
    USAGE = "usage"
    """Usage, whoever paid for it."""
    OVERAGE = "overage"
    """Usage that no grant paid for; its balance is minus its sum."""
    EXPIRED = "expired"
    VOIDED = "voided"


class Account(NamedTuple):
    """An account.

    Attributes:
        kind: Its kind.
        name: The id of the grant, or the canonical text of the scope of usage and overage. Empty
            for kinds with one account.
    """

    kind: AccountKind
    name: str = ""


GRANTED = Account(AccountKind.GRANTED)


class Posting(NamedTuple):
    """The part of an entry in one account.

    Attributes:
        account: The account.
        picodollars: What its balance changes by.
    """

    account: Account
    picodollars: int


class EntryKind(StrEnum):
    """The cause of an entry."""

    GRANT = "grant"
    USAGE = "usage"
    """Usage that was booked, or a correction of it."""
    EXPIRY = "expiry"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditEntry:
    """An entry. It is never changed nor deleted.

    Attributes:
        id: A text that is made from the cause, so that a repeated entry has the same one.
        kind: The cause.
        booked_at: The time of booking, by which balances at a time in the past are calculated.
        hour: The start of the hour of use, UTC; `None` for entries other than of usage.
        postings: What it moves. They sum to 0, and none is 0.
    """

    id: str
    kind: EntryKind
    booked_at: datetime
    hour: datetime | None = None
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Check that the entry is balanced.

        Raises:
            ValueError: Its postings do not sum to 0.
        """
        if sum(posting.picodollars for posting in self.postings):
            message = f"the postings of entry {self.id} do not sum to 0"
            raise ValueError(message)
