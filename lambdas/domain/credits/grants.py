"""Grants of credits, and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lambdas.domain.budgets import BudgetScope

MAX_GRANTS = 500
"""The grants that may be open at a time: neither used up, expired nor voided."""
DEFAULT_PRIORITY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditGrant:
    """An amount that usage in a scope draws down. It never changes.

    Attributes:
        id: Its name, chosen by the user: lower-case letters, digits and hyphens.
        picodollars: The amount, in 10^-12 US dollars, above 0.
        scope: The usage that it pays for.
        priority: Its place among the grants that could pay: the lowest number pays first.
        effective_from: The first hour whose usage it pays for, a whole hour in UTC.
        expires_at: The hour from which it pays for no usage, a whole hour in UTC; `None` for never.
        created_at: The time at which it was granted.
        note: A text of the user, such as the number of an order.
    """

    id: str
    picodollars: int
    scope: BudgetScope = field(default_factory=BudgetScope)
    priority: int = DEFAULT_PRIORITY
    effective_from: datetime
    expires_at: datetime | None = None
    created_at: datetime
    note: str = ""

    def is_effective(self, hour: datetime) -> bool:
        """Say if it pays for usage of an hour, by the start of the hour."""
        return self.effective_from <= hour and (self.expires_at is None or hour < self.expires_at)

    @property
    def burn_order(self) -> tuple[int, float, datetime, str]:
        """The key that sorts grants by the order in which they pay: priority, expiry, creation."""
        expires = float("inf") if self.expires_at is None else self.expires_at.timestamp()
        return self.priority, expires, self.created_at, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantBalance:
    """A grant with what is left of it.

    Attributes:
        grant: The grant.
        picodollars: What is left, never below 0.
        version: A number that increases with each change.
        closed_at: The time at which it expired or was voided, by booking; `None` while it is open.
        voided_at: The time at which it was voided, open or expired; `None` if it was not.
    """

    grant: CreditGrant
    picodollars: int
    version: int = 0
    closed_at: datetime | None = None
    voided_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True until it expires or is voided."""
        return self.closed_at is None

    @property
    def is_voided(self) -> bool:
        """True once it is voided."""
        return self.voided_at is not None


@dataclass(frozen=True, slots=True)
class CreditBook:
    """All grants at a moment.

    Attributes:
        grants: The grants by id.
        unreadable: The ids of those that cannot be read.
    """

    grants: Mapping[str, GrantBalance]
    unreadable: tuple[str, ...] = ()
