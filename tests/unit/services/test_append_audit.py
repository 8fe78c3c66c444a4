"""The writer of the audit trail: each change once, in one chain, without names."""

import pytest

from lambdas.domain.audit import (
    AppendOutcome,
    AuditBusyError,
    AuditEntry,
    read_entry,
    verify_chain,
)
from lambdas.services.append_audit import AuditWriter
from tests.audit import InMemoryAuditStore, InMemoryPersonDirectory, change
from tests.builders import ANA, BEN, NOON


@pytest.fixture
def writer() -> AuditWriter:
    return AuditWriter(InMemoryAuditStore(), InMemoryPersonDirectory())


def list_sources(writer: AuditWriter) -> list[str]:
    return [read_entry(entry.text).change.source for entry in writer.store.read_entries()]


def test_changes_are_appended_in_their_order(writer: AuditWriter) -> None:
    assert writer.append([change(1), change(2)], NOON) == 2
    assert writer.append([change(3)], NOON) == 1
    assert list_sources(writer) == ["stream/1", "stream/2", "stream/3"]
    assert verify_chain(writer.store.read_entries()).is_intact


def test_a_change_that_comes_again_is_appended_once(writer: AuditWriter) -> None:
    writer.append([change(1), change(2)], NOON)
    assert writer.append([change(2), change(1), change(3)], NOON) == 1
    assert list_sources(writer) == ["stream/1", "stream/2", "stream/3"]


def test_another_run_that_appends_at_the_same_time_forks_nothing() -> None:
    store = InMemoryAuditStore(others=[change(11), change(12)])
    writer = AuditWriter(store, InMemoryPersonDirectory())
    assert writer.append([change(1), change(2)], NOON) == 2
    assert sorted(list_sources(writer)) == ["stream/1", "stream/11", "stream/12", "stream/2"]
    assert verify_chain(store.entries).is_intact


def test_a_run_that_never_gets_the_end_of_the_chain_fails_and_is_tried_again() -> None:
    class Taken(InMemoryAuditStore):
        def append(self, entry: AuditEntry) -> AppendOutcome:
            del entry
            return AppendOutcome.HEAD_MOVED

    with pytest.raises(AuditBusyError):
        AuditWriter(Taken(), InMemoryPersonDirectory()).append([change()], NOON)


def test_names_of_people_never_reach_the_chain(writer: AuditWriter) -> None:
    named = change(
        before={"identity": [BEN]}, after={"identity": [ANA, BEN]}, subject=f"deny:{ANA}"
    )
    writer.append([named], NOON)
    (entry,) = writer.store.read_entries()
    for arn in (ANA, BEN):
        assert arn not in entry.text
    ids = {arn: person_id for person_id, arn in writer.people.read_names().items()}
    stored = read_entry(entry.text).change
    assert stored.after == {"identity": [ids[ANA], ids[BEN]]}
    assert stored.subject == f"deny:{ids[ANA]}"


def test_the_chain_stays_valid_when_a_name_is_erased(writer: AuditWriter) -> None:
    writer.append([change(after={"identity": ANA})], NOON)
    assert writer.people.delete(ANA)
    writer.append([change(2, after={"identity": ANA})], NOON)
    assert verify_chain(writer.store.read_entries()).is_intact
    first, second = (read_entry(entry.text).change for entry in writer.store.read_entries())
    assert first.after != second.after  # a new id: so it does not show that it is the same person
