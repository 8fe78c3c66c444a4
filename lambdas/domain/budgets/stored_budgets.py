"""Budgets as they are stored: with generations, and building until their sums are complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from lambdas.domain.budgets.budget import NO_VALUE, Budget
from lambdas.domain.periods import BudgetPeriod


class BudgetState(StrEnum):
    """The state of a stored budget."""

    BUILDING = "building"
    """Sums of the current period do not have all its usage yet: no alert, only `building`."""
    ACTIVE = "active"


class UsageGap(NamedTuple):
    """A time in which usage may not have been added to a budget's sums.

    Attributes:
        since: The start of that time.
        until: Its end.
    """

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """A budget with its generation.

    Attributes:
        budget: The budget.
        generation: A number that increases with each change of what it counts, also if the name
            is used again after a deletion. Sums and alerts of another generation do not count.
        state: The state.
        announced_at: The time, by the clock of the meter, from which processes that count know it;
            `None` until it was seen first.
        interrupted_at: The time from which it could not be read, so that its sums lack usage;
            `None` while they have all of it, or go on with a gap.
        gap: The last time in which its sums lack usage, for which they were not built again; `None`
            without one.
    """

    budget: Budget
    generation: int
    state: BudgetState = BudgetState.BUILDING
    announced_at: datetime | None = None
    interrupted_at: datetime | None = None
    gap: UsageGap | None = None

    @property
    def is_active(self) -> bool:
        """True if the budget may alert."""
        return self.state is BudgetState.ACTIVE and self.interrupted_at is None

    def find_gap(self, period: BudgetPeriod) -> UsageGap | None:
        """Find the gap in the sums of a period; `None` if they have all usage."""
        return self.gap if self.gap is not None and self.gap.until > period.start else None


class UnreadableBudget(NamedTuple):
    """A stored budget that cannot be read.

    Attributes:
        reason: Why it cannot be read.
        managed_by: Its manager; `None` if that cannot be read either.
    """

    reason: str
    managed_by: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetBook:
    """All stored budgets at a moment.

    Attributes:
        revision: A number that increases with each write; the generation of the last one.
        budgets: The budgets by name.
        unreadable: Others that cannot be read, by name. They are left out everywhere.
    """

    revision: int
    budgets: dict[str, StoredBudget]
    unreadable: Mapping[str, UnreadableBudget] = field(default_factory=dict)

    def __iter__(self) -> Iterator[StoredBudget]:
        """All budgets, by name."""
        return iter(sorted(self.budgets.values(), key=lambda stored: stored.budget.name))

    def is_replaced(self, default: Budget, value: str) -> bool:
        """Say if a default budget does not hold for a value, because another is set by name.

        While that other budget is building, it cannot alert, so the default still holds.
        """
        return value != NO_VALUE and any(
            stored.is_active and stored.budget.replaces(default, value)
            for stored in self.budgets.values()
        )


@dataclass(frozen=True, slots=True)
class BudgetChanges:
    """Changes to stored budgets.

    Attributes:
        written: Budgets that are new or replace the stored one of their name. They are built.
        deleted: The names of budgets to delete.
        amended: Budgets that count like the stored one of their name. Its sums go on.
    """

    written: tuple[Budget, ...] = ()
    deleted: tuple[str, ...] = ()
    amended: tuple[Budget, ...] = ()

    def __len__(self) -> int:
        """The number of budgets that change."""
        return len(self.written) + len(self.deleted) + len(self.amended)


class BudgetsChangedError(Exception):
    """Someone else has changed budgets since the book was read. Read it and try again."""


class BudgetStore(Protocol):
    """Stores budgets."""

    def read(self) -> BudgetBook:
        """Read all budgets, as they were at one moment.

        Raises:
            BudgetsChangedError: Budgets changed at every attempt to read them.
        """

    def write(self, changes: BudgetChanges, revision: int) -> BudgetBook:
        """Write, amend and delete budgets, all or none.

        What is written is building in a new generation. What is amended keeps its generation and
        its state.

        Args:
            changes: The changes, at most `MAX_CHANGES`.
            revision: That of the book that the changes were made for.

        Returns:
            The book afterwards.

        Raises:
            BudgetsChangedError: The stored book has another revision.
        """

    def announce(self, name: str, generation: int, now: datetime) -> bool:
        """Store the time at which a budget was seen first, unless one is stored.

        Returns:
            False if the budget has another generation now, or was deleted.
        """

    def mark_active(self, name: str, generation: int) -> bool:
        """Mark a budget active once its sums are complete.

        Returns:
            False if it has another generation now, or was deleted.
        """

    def mark_interrupted(self, name: str, since: datetime) -> None:
        """Note the time from which a budget cannot be read, unless one is noted."""

    def resume(self, name: str, generation: int, gap: UsageGap) -> bool:
        """Let an interrupted budget go on with its sums, and note what they lack.

        Returns:
            False if it has another generation now, or was deleted.
        """

    def restart(self, name: str, generation: int, revision: int) -> bool:
        """Let an interrupted budget build in a new generation, with the same definition.

        Args:
            name: The name of the budget.
            generation: Its generation.
            revision: That of the book.

        Returns:
            False if the budget or the book has changed meanwhile.
        """


MAX_CHANGES = 98
"""Budgets that one transaction can write, beside the revision and the names of deleted budgets.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
