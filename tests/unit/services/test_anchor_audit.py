"""The hourly run: what it verifies, and what it anchors."""

from dataclasses import replace
from datetime import timedelta

from lambdas.domain.audit import ChainHead, ProblemKind
from lambdas.services.anchor_audit import AuditAnchorer
from tests.audit import InMemoryAnchorStore, InMemoryAuditStore, chain
from tests.builders import NOON

HOUR = timedelta(hours=1)
NIGHT = NOON.replace(hour=2) + timedelta(days=1)


def make(entries: int = 5) -> tuple[InMemoryAuditStore, AuditAnchorer]:
    store = InMemoryAuditStore(chain(entries))
    return store, AuditAnchorer(store, InMemoryAnchorStore())


def test_the_head_is_anchored() -> None:
    store, anchorer = make()
    report = anchorer.anchor(NOON)
    assert report.anchor.head == store.read_head()
    assert anchorer.anchors.read_all().anchors == [report.anchor]
    assert report.problem_count == 0


def test_a_chain_without_entries_is_anchored_too() -> None:
    _, anchorer = make(0)
    assert anchorer.anchor(NOON).anchor.head == ChainHead()
    assert anchorer.anchor(NOON + HOUR).problem_count == 0


def test_a_run_verifies_what_is_new_since_an_anchor_of_the_last_hours() -> None:
    store, anchorer = make()
    anchorer.anchor(NOON)
    store.entries += chain(2, store.read_head())
    assert anchorer.anchor(NOON + HOUR).verification.entries == 1 + 2  # from the anchored one on
    assert anchorer.anchor(NOON + 8 * HOUR).verification.entries == 7  # no recent anchor


def test_once_a_day_the_whole_chain_is_verified() -> None:
    store, anchorer = make()
    anchorer.anchor(NIGHT - 2 * HOUR)
    store.entries[0] = replace(store.entries[0], text="{}")
    assert anchorer.anchor(NIGHT - HOUR).problem_count == 0
    report = anchorer.anchor(NIGHT)
    assert report.verification.entries == 5
    assert ProblemKind.ALTERED in {problem.kind for problem in report.verification.problems}


def test_a_removed_end_is_found_by_the_next_run() -> None:
    store, anchorer = make()
    anchorer.anchor(NOON)
    del store.entries[3:]
    report = anchorer.anchor(NOON + HOUR)
    assert [problem.kind for problem in report.verification.problems] == [ProblemKind.REMOVED_END]
    assert report.anchor.head == store.read_head()


def test_damage_is_found_again_by_every_run_that_verifies_its_place() -> None:
    store, anchorer = make()
    anchorer.anchor(NOON)
    store.entries[:] = chain(5, subject="budget:forged")
    for hours in (1, 2, 3):
        assert anchorer.anchor(NOON + hours * HOUR).problem_count > 0
    assert anchorer.anchor(NIGHT).problem_count > 0


def test_objects_among_the_anchors_that_are_not_ones_are_reported() -> None:
    _, anchorer = make()
    anchorer.anchors.names.add("anchors/other.json")  # type: ignore[attr-defined]
    assert anchorer.anchor(NOON).problem_count == 1
