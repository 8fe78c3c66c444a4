"""Changes of prices are found in versions of the pointer."""

from lambdas.domain.audit import AuditAction, AuditedChange, read_entry
from lambdas.domain.pricing.editions import LastChange, PriceDecision, PriceUpdates
from lambdas.services.append_audit import AuditWriter
from lambdas.services.audit_prices import PriceAuditor
from tests.audit import (
    ANA_ID,
    InMemoryAuditStore,
    InMemoryPersonDirectory,
    InMemoryPointerHistory,
)
from tests.builders import NOON
from tests.unit.audit.test_changes import HELD

EMPTY = PriceUpdates()
CHECKED = PriceUpdates(
    checked_at=NOON, last_change=LastChange(decision=PriceDecision.CHECK, made_at=NOON)
)
HOLDING = CHECKED.model_copy(update={"held": (HELD,)})
REJECTED = PriceUpdates(
    settled=(HELD,),
    last_change=LastChange(decision=PriceDecision.REJECT, made_at=NOON, made_by=ANA_ID),
)


class Audited:
    """A chain, and the prices that it is compared with."""

    def __init__(self, *versions: PriceUpdates | None) -> None:
        self.store = InMemoryAuditStore()
        self.history = InMemoryPointerHistory([*versions])

    def audit(self, versions: int = 100) -> int:
        has_time = iter([True] * versions)
        writer = AuditWriter(self.store, InMemoryPersonDirectory())
        auditor = PriceAuditor(
            store=self.store,
            history=self.history,
            append=writer.append,
        )
        return auditor.audit(NOON, lambda: next(has_time, False))

    @property
    def changes(self) -> list[AuditedChange]:
        return [read_entry(entry.text).change for entry in self.store.entries]


def test_each_version_with_a_change_makes_an_entry() -> None:
    audited = Audited(EMPTY, CHECKED, HOLDING, REJECTED)
    assert audited.audit() == 3
    assert [change.action for change in audited.changes] == [
        *(AuditAction.CHANGE_PRICES, AuditAction.CHANGE_PRICES, AuditAction.REJECT_PRICES)
    ]
    assert audited.changes[-1].changed_by == ANA_ID


def test_a_version_is_audited_once() -> None:
    audited = Audited(EMPTY, HOLDING)
    audited.audit()
    audited.history.read.clear()
    assert audited.audit() == 0
    assert audited.history.read == ["1"]  # the last one, to compare the next one with
    audited.history.versions.append(REJECTED)
    assert audited.audit() == 1


def test_a_deleted_pointer_makes_an_entry() -> None:
    audited = Audited(HOLDING, None)
    audited.audit()
    assert audited.changes[-1].after is None


def test_a_run_without_time_leaves_the_rest_to_the_next_one() -> None:
    versions = [HOLDING, REJECTED] * 3
    whole, parts = Audited(*versions), Audited(*versions)
    whole.audit()
    parts.audit(versions=2)
    assert len(parts.changes) == 2
    parts.audit()
    assert parts.changes == whole.changes
