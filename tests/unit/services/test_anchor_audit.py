"""The hourly run: what it verifies, and what it anchors."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.domain.audit import ChainHead, ChainProblem, Mark, PastVerification, ProblemKind
from lambdas.services.anchor_audit import AuditAnchorer
from tests.audit import InMemoryAnchorStore, InMemoryAuditStore, chain
from tests.builders import NOON

HOUR = timedelta(hours=1)


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
    store.extend(chain(2, store.read_head()))
    assert anchorer.anchor(NOON + HOUR).verification.entries == 1 + 2  # from the anchored one on
    assert anchorer.anchor(NOON + 8 * HOUR).verification.entries == 7  # no recent anchor


def run_hourly(anchorer: AuditAnchorer, hours: range) -> list[int]:
    """Run for some hours after noon; returns the number of problems of each run."""
    return [anchorer.anchor(NOON + hour * HOUR).problem_count for hour in hours]


def test_a_day_after_the_last_time_the_whole_chain_is_verified() -> None:
    store, anchorer = make()
    assert run_hourly(anchorer, range(2)) == [0, 0]
    store.entries[0] = replace(store.entries[0], text="{}")
    assert set(run_hourly(anchorer, range(2, 24))) == {0}
    report = anchorer.anchor(NOON + 24 * HOUR)
    assert report.verification.entries == 5
    assert ProblemKind.ALTERED in {problem.kind for problem in report.verification.problems}


def test_damage_is_reported_by_each_run_until_it_is_gone() -> None:
    store, anchorer = make()
    whole = store.entries[0]
    run_hourly(anchorer, range(1))
    store.entries[0] = replace(whole, text="{}")
    assert set(run_hourly(anchorer, range(1, 24))) == {0}
    assert min(run_hourly(anchorer, range(24, 60))) > 0
    store.entries[0] = whole
    assert set(run_hourly(anchorer, range(60, 80))) == {0}


def test_a_run_that_failed_leaves_the_verification_of_the_whole_to_the_next_one() -> None:
    class Unreachable(InMemoryAuditStore):
        def add_verification(self, verification: PastVerification) -> None:
            if verification.at == NOON + 24 * HOUR:
                raise ConnectionError
            super().add_verification(verification)

    store = Unreachable(chain(5))
    anchorer = AuditAnchorer(store, InMemoryAnchorStore())
    run_hourly(anchorer, range(24))
    store.entries[0] = replace(store.entries[0], text="{}")
    with pytest.raises(ConnectionError):
        anchorer.anchor(NOON + 24 * HOUR)
    assert anchorer.anchor(NOON + 25 * HOUR).problem_count > 0


def test_a_verification_of_the_future_does_not_count() -> None:
    store, anchorer = make()
    store.add_verification(PastVerification(NOON + 99 * HOUR, 0))
    store.entries[0] = replace(store.entries[0], text="{}")
    assert anchorer.anchor(NOON).problem_count > 0


def test_missing_anchors_are_reported_for_a_day() -> None:
    _, anchorer = make()
    assert run_hourly(anchorer, range(3)) == [0, 0, 0]
    assert run_hourly(anchorer, range(5, 29)) == [1] * 24
    assert run_hourly(anchorer, range(29, 31)) == [0, 0]


def test_entries_without_any_anchor_are_reported_once_there_should_be_one() -> None:
    _, anchorer = make()
    assert anchorer.anchor(NOON + 59 * HOUR / 60).problem_count == 0
    _, anchorer = make()
    assert {problem.kind for problem in late(anchorer, NOON + 3 * HOUR)} == {
        ProblemKind.NOT_ANCHORED
    }


def late(anchorer: AuditAnchorer, now: datetime) -> tuple[ChainProblem, ...]:
    return anchorer.anchor(now).verification.problems


def test_a_mark_that_hides_a_change_is_reported() -> None:
    for mark in (
        Mark("source#stream/unseen", None),
        Mark("source#stream/unseen", 3),
        Mark("source#stream/unseen", 99),
        Mark("subject#budget:chat", 99),
        Mark("other#x", 1),
    ):
        store, anchorer = make()
        store.marks.add(mark)
        (problem,) = late(anchorer, NOON)
        assert problem.kind is ProblemKind.WRONG_MARK


def test_a_missing_mark_is_reported() -> None:
    for partition in ("source#stream/2", "subject#budget:chat"):
        store, anchorer = make()
        store.marks.discard(Mark(partition, 2))
        (problem,) = late(anchorer, NOON)
        assert problem.text == f"entry 2 is not found by {partition}"


def test_a_version_of_prices_without_a_change_has_a_mark_without_an_entry() -> None:
    store, anchorer = make()
    store.mark_source("prices/1")
    assert anchorer.anchor(NOON).problem_count == 0


def test_an_entry_that_is_appended_during_the_verification_is_no_problem() -> None:
    class Growing(InMemoryAuditStore):
        def read_marks(self) -> Iterator[Mark]:
            self.extend(chain(1, self.read_head()))
            return super().read_marks()

    store = Growing(chain(5))
    assert AuditAnchorer(store, InMemoryAnchorStore()).anchor(NOON).problem_count == 0


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
    assert min(run_hourly(anchorer, range(1, 30))) > 0


def test_objects_among_the_anchors_that_are_not_ones_are_reported() -> None:
    _, anchorer = make()
    anchorer.anchors.names.add("anchors/other.json")  # type: ignore[attr-defined]
    assert anchorer.anchor(NOON).problem_count == 1
