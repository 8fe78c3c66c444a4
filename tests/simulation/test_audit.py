"""Under faults, the audit trail has each change once in an intact chain; what is wrong is found."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.domain.audit import AppendOutcome, AuditedChange, AuditEntry
from lambdas.services.append_audit import AuditWriter
from tests.simulation.account import AUDIT
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.audit_writer import AuditWriterDriver
from tests.simulation.drivers.budget_builder import BudgetBuilderDriver
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import ALL_FAULTS
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, AuditWriterDriver, BudgetBuilderDriver)
_WRITER = "tests.simulation.drivers.audit_writer"


@pytest.mark.parametrize("seed", [*range(12)])
def test_each_change_is_in_the_chain_once_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []
    assert run(seed, ALL_FAULTS, drivers=DRIVERS).violations == []


def find(seeds: Iterable[int] = range(12)) -> str:
    """Run seeds with all faults until one shows that something is wrong."""
    for seed in seeds:
        if violations := run(seed, ALL_FAULTS, drivers=DRIVERS).violations:
            return "\n".join(violations)
    return ""


def test_a_store_that_does_not_know_sources_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(DynamoDbAuditStore):
        def append(self, entry: AuditEntry) -> AppendOutcome:
            tables: Any = self._client
            source = {"pk": {"S": f"source#{entry.change.source}"}, "sk": {"S": "-"}}
            tables.tables[self._table_name].write(source, None)
            return super().append(entry)

    monkeypatch.setattr(f"{_WRITER}.DynamoDbAuditStore", Forgetful)
    assert "entries of stream/" in find()


def test_a_writer_that_takes_the_end_of_the_chain_from_another_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Greedy(DynamoDbAuditStore):
        def append(self, entry: AuditEntry) -> AppendOutcome:
            outcome = super().append(entry)
            return AppendOutcome.APPENDED if outcome is AppendOutcome.HEAD_MOVED else outcome

    monkeypatch.setattr(f"{_WRITER}.DynamoDbAuditStore", Greedy)
    assert "no entry of" in find()


def test_a_writer_that_leaves_out_what_fails_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(AuditWriter):
        def append(self, changes: Iterable[AuditedChange], now: datetime) -> int:
            for change in changes:
                try:
                    super().append([change], now)
                except Exception:  # noqa: BLE001, S112  # the planted bug
                    continue
            return 0

    monkeypatch.setattr(f"{_WRITER}.AuditWriter", Careless)
    assert "no entry of" in find()


def test_an_entry_that_was_removed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Removing(AuditWriterDriver):
        def run(self, event: Any) -> Any:
            super().run(event)
            third = {"pk": {"S": "chain"}, "sk": {"S": "000000000003"}}
            self.account.tables[AUDIT].write(third, None)

    drivers = tuple(Removing if each is AuditWriterDriver else each for each in DRIVERS)
    assert "entry 3 is missing" in "\n".join(run(3, drivers=drivers).violations)
