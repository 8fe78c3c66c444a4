"""The table of budgets in moto, and the in-memory twins of its stores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from lambdas.domain.budgets import (
    MAX_CHANGES,
    AccumulatorKey,
    BudgetBook,
    BudgetChanges,
    BudgetsChangedError,
    BudgetState,
    StoredBudget,
    UnreadableBudget,
    UsageGap,
)
from lambdas.domain.budgets.budget_alerts import (
    CLAIM,
    AlertKey,
    AlertState,
    BudgetAlert,
    DeliveryWay,
    LastAlert,
)
from lambdas.domain.counters import Sums, UsageTotals
from lambdas.domain.forecasting import CalibrationUnreadableError, ErrorRatios
from tests.aws import create_sorted_table
from tests.counters import InMemoryCounters

GOVERNANCE = "governance"
NEVER = datetime.min.replace(tzinfo=UTC)


def create_governance_table(*, stream: bool = False) -> None:
    """Create the table of budgets, in moto; with a stream, it has one."""
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    create_sorted_table(GOVERNANCE, **({"StreamSpecification": view} if stream else {}))


class InMemoryBudgetStore:
    """Budgets in a dictionary."""

    def __init__(self, stored: Iterable[StoredBudget] = ()) -> None:
        budgets = {each.budget.name: each for each in stored}
        revision = max((each.generation for each in budgets.values()), default=0)
        self._book = BudgetBook(revision, budgets)
        self._hidden: dict[str, StoredBudget] = {}

    def read(self) -> BudgetBook:
        return self._book

    def write(self, changes: BudgetChanges, revision: int) -> BudgetBook:
        assert len(changes) <= MAX_CHANGES
        if revision != self._book.revision:
            raise BudgetsChangedError
        written = {budget.name: StoredBudget(budget, revision + 1) for budget in changes.written}
        kept = {
            name: stored
            for name, stored in self._book.budgets.items()
            if name not in changes.deleted
        }
        for budget in changes.amended:
            written[budget.name] = replace(kept[budget.name], budget=budget)
        self._book = BudgetBook(revision + 1, kept | written)
        return self._book

    def announce(self, name: str, generation: int, now: datetime) -> bool:
        stored = self._book.budgets.get(name)
        announced_at = (stored and stored.announced_at) or now
        return self._change(name, generation, announced_at=announced_at)

    def mark_active(self, name: str, generation: int) -> bool:
        return self._change(name, generation, state=BudgetState.ACTIVE)

    def make_unreadable(self, name: str) -> None:
        """Let a budget be one that cannot be read."""
        self._hidden[name] = self._book.budgets[name]
        kept = {other: each for other, each in self._book.budgets.items() if other != name}
        unreadable = {name: UnreadableBudget("damaged")}
        self._book = replace(self._book, budgets=kept, unreadable=unreadable)

    def make_readable(self, name: str) -> None:
        """Let a budget be read again."""
        kept = self._book.budgets | {name: self._hidden.pop(name)}
        self._book = replace(self._book, budgets=kept, unreadable={})

    def mark_interrupted(self, name: str, since: datetime) -> None:
        if self._hidden[name].interrupted_at is None:
            self._hidden[name] = replace(self._hidden[name], interrupted_at=since)

    def resume(self, name: str, generation: int, gap: UsageGap) -> bool:
        return self._change(name, generation, interrupted_at=None, gap=gap)

    def restart(self, name: str, generation: int, revision: int) -> bool:
        stored = self._book.budgets.get(name)
        if stored is None or (stored.generation, self._book.revision) != (generation, revision):
            return False
        restarted = {name: StoredBudget(stored.budget, revision + 1)}
        self._book = BudgetBook(revision + 1, self._book.budgets | restarted)
        return True

    def _change(self, name: str, generation: int, **changes: Any) -> bool:
        stored = self._book.budgets.get(name)
        if stored is None or stored.generation != generation:
            return False
        changed = {name: replace(stored, **changes)}
        self._book = replace(self._book, budgets=self._book.budgets | changed)
        return True


class InMemoryAlertStore:
    """Alerts in a dictionary, by their ids; some cannot be read."""

    def __init__(self) -> None:
        self.alerts: dict[str, BudgetAlert] = {}
        self.claims: dict[str, datetime] = {}
        self.unreadable: set[str] = set()

    def add_due(self, alert: BudgetAlert, held_until: datetime | None = None) -> bool:
        key = alert.key
        alerted = self.read_alerted(key.budget, key.generation)
        if not key.is_above(alerted.get(key.threshold_id)):
            return False
        self.alerts[key.id] = alert
        if held_until is not None:
            self.claims[key.id] = held_until
        return True

    def add_details(self, alert: BudgetAlert, held_until: datetime) -> None:
        is_due = self.alerts[alert.key.id].state is AlertState.DUE
        if is_due and self.claims.get(alert.key.id) == held_until:
            self.alerts[alert.key.id] = alert
            del self.claims[alert.key.id]

    def read_alerted(self, budget: str, generation: int) -> Mapping[str, LastAlert]:
        keys = [alert.key for alert in self.list_alerts(budget, generation)]
        keys.sort(key=lambda key: (key.period.end, key.level))
        return {key.threshold_id: LastAlert(key.period.end, key.level) for key in keys}

    def list_due(self) -> Iterator[BudgetAlert]:
        due = (alert for alert in self._ordered() if alert.state is AlertState.DUE)
        return (alert for alert in due if alert.key.id not in self.unreadable)

    def list_unreadable(self) -> Iterator[str]:
        return iter(sorted(self.unreadable))

    def claim(self, key: AlertKey, now: datetime) -> bool:
        is_due = self.alerts[key.id].state is AlertState.DUE
        if not is_due or self.claims.get(key.id, NEVER) > now:
            return False
        self.claims[key.id] = now + CLAIM
        return True

    def postpone(self, key: AlertKey, until: datetime, delivered: Collection[DeliveryWay]) -> None:
        self.claims[key.id] = until
        self.alerts[key.id] = replace(self.alerts[key.id], delivered=frozenset(delivered))

    def mark_sent(self, key: AlertKey, sent_at: datetime) -> None:  # noqa: ARG002  # the port has it
        self.alerts[key.id] = replace(self.alerts[key.id], state=AlertState.SENT)

    def list_alerts(self, budget: str, generation: int) -> Iterator[BudgetAlert]:
        keys = (budget, generation)
        return (
            alert for alert in self._ordered() if (alert.key.budget, alert.key.generation) == keys
        )

    def _ordered(self) -> list[BudgetAlert]:
        return [alert for _, alert in sorted(self.alerts.items())]


class InMemoryCalibrationStore:
    """A calibration in memory.

    Attributes:
        stored: The calibration.
        problem: The reason for which it cannot be read; empty if it can.
        salt: The salt.
        reads: The number of reads.
    """

    def __init__(self, stored: ErrorRatios | None = None) -> None:
        self.stored = stored
        self.salt = "salt"
        self.problem = ""
        self.reads = 0

    def read(self) -> ErrorRatios | None:
        self.reads += 1
        if self.problem:
            raise CalibrationUnreadableError(self.problem)
        return self.stored

    def write(self, errors: ErrorRatios) -> None:
        self.stored = errors

    def get_salt(self) -> str:
        return self.salt


class InMemoryBudgetSums(InMemoryCounters):
    """Counters in dictionaries, whose sums of budgets can be completed.

    Attributes:
        budgets: The stored budgets.
    """

    def __init__(self, budgets: InMemoryBudgetStore) -> None:
        super().__init__()
        self.budgets = budgets
        self._completed: set[tuple[int, AccumulatorKey]] = set()

    def write_base(
        self, generation: int, stored: StoredBudget, base: Mapping[AccumulatorKey, UsageTotals]
    ) -> bool:
        for key, totals in base.items():
            if not self._is_building(stored):
                return False
            self._effect(partial(self._complete, generation, key, totals))
        return True

    def _is_building(self, stored: StoredBudget) -> bool:
        found = self.budgets.read().budgets.get(stored.budget.name)
        return found is not None and found.generation == stored.generation and not found.is_active

    def _complete(self, generation: int, key: AccumulatorKey, totals: UsageTotals) -> None:
        if (generation, key) not in self._completed:
            self._completed.add((generation, key))
            self._add(generation, Sums(accumulators={key.counter_key: totals}))
