"""The plan of an apply: how stored budgets differ from those that a file declares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.budgets.documents import write_budget
from lambdas.domain.budgets.limits import count_budgets_of_a_call
from lambdas.domain.budgets.stored_budgets import MAX_CHANGES, BudgetBook, BudgetChanges
from lambdas.domain.counters import MAX_ACCUMULATORS_OF_A_CALL

_ABSENT = "not set"


@dataclass(frozen=True, slots=True)
class ChangedBudget:
    """A stored budget that the file declares differently.

    Attributes:
        before: The stored budget.
        after: The declared one.
    """

    before: Budget
    after: Budget

    @property
    def keeps_sums(self) -> bool:
        """True if it counts as before, so that its sums and alerts go on."""
        return self.after.counts_like(self.before)

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        """The fields that differ, by their names in the file: the values before and after."""
        before, after = (dict(_flatten(write_budget(side))) for side in (self.before, self.after))
        return {
            name: (before.get(name, _ABSENT), after.get(name, _ABSENT))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPlan:
    """The effect of an apply.

    Attributes:
        added: New budgets.
        changed: Changed budgets.
        deleted: Budgets to delete, which the operator named.
        deleted_unreadable: The names of those among them that cannot be read.
        unchanged: Budgets that stay as they are.
        left: Stored budgets of the same manager that the file does not declare, which stay.
    """

    added: tuple[Budget, ...] = ()
    changed: tuple[ChangedBudget, ...] = ()
    deleted: tuple[Budget, ...] = ()
    deleted_unreadable: tuple[str, ...] = ()
    unchanged: tuple[Budget, ...] = ()
    left: tuple[Budget, ...] = ()

    @property
    def changes(self) -> BudgetChanges:
        """The changes that the store makes."""
        return BudgetChanges(
            written=(
                *self.added,
                *(change.after for change in self.changed if not change.keeps_sums),
            ),
            deleted=(*(budget.name for budget in self.deleted), *self.deleted_unreadable),
            amended=tuple(change.after for change in self.changed if change.keeps_sums),
        )


class BudgetPlanError(Exception):
    """Budgets cannot be applied.

    Attributes:
        problems: A line for each problem, with what to do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Report problems."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def plan_changes(
    book: BudgetBook, declared: Sequence[Budget], managed_by: str, deletions: Collection[str] = ()
) -> BudgetPlan:
    """Plan an apply. Only budgets with the same manager are changed, and only named ones deleted.

    That holds for budgets that cannot be read, too. One whose manager cannot be read can be deleted
    by its name, and no apply replaces it.

    Args:
        book: The stored budgets.
        declared: The budgets of the file, all of one manager, with different names.
        managed_by: This manager.
        deletions: The names of budgets to delete.

    Raises:
        BudgetPlanError: A budget has another manager, or a deletion cannot be done.
    """
    stored = {name: entry.budget for name, entry in book.budgets.items()}
    names = {budget.name for budget in declared}
    managers: dict[str, str | None] = {
        name: budget.managed_by for name, budget in (stored | dict(book.unreadable)).items()
    }
    problems = [
        *_find_foreign(managers, names, managed_by),
        *_find_impossible_deletions(managers, names, managed_by, deletions),
    ]
    known = [budget for budget in declared if budget.name in stored]
    plan = BudgetPlan(
        added=tuple(budget for budget in declared if budget.name not in stored),
        changed=tuple(
            ChangedBudget(stored[budget.name], budget)
            for budget in known
            if stored[budget.name] != budget
        ),
        deleted=tuple(stored[name] for name in sorted(set(deletions)) if name in stored),
        deleted_unreadable=tuple(sorted(book.unreadable.keys() & set(deletions))),
        unchanged=tuple(budget for budget in known if stored[budget.name] == budget),
        left=tuple(
            budget
            for name, budget in sorted(stored.items())
            if budget.managed_by == managed_by and name not in names and name not in deletions
        ),
    )
    kept = [budget for name, budget in stored.items() if name not in {*names, *deletions}]
    unknown = book.unreadable.keys() - names - set(deletions)
    problems += find_crowded_calls([*kept, *declared], len(unknown))
    if len(plan.changes) > MAX_CHANGES:
        problems.append(
            f"allowed: {MAX_CHANGES} changes at a time, because all of them are made or none;"
            " apply a part of the file first"
        )
    if problems:
        raise BudgetPlanError(problems)
    return plan


def find_crowded_calls(budgets: Collection[Budget], unknown: int = 0) -> Iterator[str]:
    """Find calls to which more budgets can apply than one transaction takes; yields problems.

    Args:
        budgets: The budgets.
        unknown: The number of stored budgets that cannot be read, which can apply to any call.
    """
    count = count_budgets_of_a_call(budgets) + unknown
    if count > MAX_ACCUMULATORS_OF_A_CALL:
        yield (
            f"allowed: {MAX_ACCUMULATORS_OF_A_CALL} budgets that can apply to the same call, and"
            f" with this file {count} can: leave out some, or name one project, identity or model"
            " in each"
        )


def _find_foreign(
    managers: Mapping[str, str | None], names: set[str], managed_by: str
) -> Iterator[str]:
    for name in sorted(names & managers.keys()):
        manager = managers[name]
        if manager is None:
            yield (
                f"{name} is stored and cannot be read, nor who manages it: use the version of the"
                f" meter that is deployed, or delete it with --delete {name} and a file without it"
            )
        elif manager != managed_by:
            yield (
                f"{name} is managed by {manager}, not by {managed_by}: choose another name, or"
                " change it where it is managed"
            )


def _find_impossible_deletions(
    managers: Mapping[str, str | None],
    names: Collection[str],
    managed_by: str,
    deletions: Collection[str],
) -> Iterator[str]:
    for name in sorted(set(deletions)):
        if name in names:
            yield f"{name} is to be deleted and is in the file: remove it from the file first"
        elif name not in managers:
            yield f"{name} is to be deleted, but there is no budget of this name"
        elif managers[name] not in {managed_by, None}:
            yield (
                f"{name} is to be deleted, but is managed by {managers[name]}: delete it where it"
                " is managed"
            )


def _flatten(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each field of a document with its value as text."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        elif value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{prefix}{name}", shown
