"""The chain of entries: what makes an entry, and what a verification finds."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.domain.audit import (
    MAX_PROBLEMS,
    START_HASH,
    AuditAnchor,
    ChainHead,
    InvalidEntryError,
    ProblemKind,
    StoredEntry,
    Verification,
    hash_text,
    limit_subject,
    read_anchor,
    read_entry,
    verify_chain,
)
from tests.audit import anchor, chain, change
from tests.builders import NOON

LENGTHS = st.integers(min_value=1, max_value=6)


def kinds(verification: Verification) -> list[ProblemKind]:
    return [problem.kind for problem in verification.problems]


def rebuild(entries: list[StoredEntry], first: int) -> list[StoredEntry]:
    """Rewrite a chain from a place on, as one who can write the table would."""
    head = ChainHead(first - 1, entries[first - 2].hash if first > 1 else START_HASH)
    return entries[: first - 1] + chain(len(entries) - first + 1, head, subject="budget:forged")


def test_an_entry_is_canonical_json_and_its_hash_the_sha_256_of_it() -> None:
    entry = ChainHead().append(change(), NOON)
    document = json.loads(entry.text)
    assert entry.text == json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert entry.hash == sha256(entry.text.encode()).hexdigest()
    assert (document["sequence"], document["previous_hash"]) == (1, START_HASH)
    assert document["changed_by"] == change().changed_by


def test_each_entry_has_the_hash_of_the_one_before_it() -> None:
    first, second, third = map(read_entry, (stored.text for stored in chain(3)))
    assert [second.previous_hash, third.previous_hash] == [first.hash, second.hash]
    assert [first.sequence, second.sequence, third.sequence] == [1, 2, 3]


def test_an_entry_is_read_as_it_was_written() -> None:
    made = change(before=None, after={"name": "caf\u00e9 \ud800", "all": [1, True, None]})
    entry = ChainHead().append(made, NOON)
    assert read_entry(entry.text) == entry


@given(
    subject=st.text(max_size=900) | st.text("ab:\U0001f600", max_size=900),
    changed_at=st.datetimes(timezones=st.timezones() | st.just(timezone(timedelta(hours=23)))),
    changed_by=st.none() | st.text(max_size=50),
    after=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
)
@example(subject="x" * 3000, changed_at=NOON, changed_by=None, after=None)
@example(subject="\U0001f600" * 500, changed_at=NOON, changed_by=None, after=None)
@example(
    subject="budget:a",
    changed_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59))),
    changed_by=None,
    after=None,
)
@example(subject="budget:a", changed_at=NOON, changed_by=None, after=float("nan"))
@example(subject="budget:a", changed_at=NOON, changed_by=None, after=b"bytes")
def test_whatever_is_appended_can_be_read_again(
    subject: str, changed_at: datetime, changed_by: str | None, after: Any
) -> None:
    made = change(subject=subject, changed_at=changed_at, changed_by=changed_by, after=after)
    entry = ChainHead().append(made, NOON)
    assert read_entry(entry.text) == entry
    assert len(entry.change.subject.encode()) <= 500
    assert verify_chain([StoredEntry.from_entry(entry)], []).problem_count == 0


@given(st.text(max_size=900))
def test_a_limited_subject_stays_as_it_is(subject: str) -> None:
    limited = limit_subject(subject)
    assert limit_subject(limited) == limited


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nothing",
        "[" * 100_000,
        chain(1)[0].text.replace(":", ": ", 1),
        chain(1)[0].text.replace('"format":1', '"format":2'),
        chain(1)[0].text.replace("+00:00", ""),
        chain(1)[0].text.replace("budget.change", "budget.forget"),
    ],
)
def test_other_texts_are_no_entries(text: str) -> None:
    with pytest.raises(InvalidEntryError):
        read_entry(text)


def test_a_large_state_is_replaced_by_its_hash() -> None:
    entry = ChainHead().append(change(after={"scope": ["x" * 100] * 5_000}), NOON)
    assert len(entry.text) < 2_000
    assert set(json.loads(entry.text)["after"]) == {"bytes", "sha256"}
    assert read_entry(entry.text).hash == entry.hash


@pytest.mark.parametrize("subject", ["budget:" + "x" * 5_000, "budget:caf\u00e9"])
def test_a_subject_always_fits_in_a_key(subject: str) -> None:
    entry = ChainHead().append(change(subject=subject), NOON)
    assert read_entry(entry.text).change.subject == f"budget:sha256:{hash_text(subject)}"


def test_an_intact_chain_has_no_problem() -> None:
    entries = chain(5)
    verification = verify_chain(entries, [anchor(entries[1]), anchor(entries[4])])
    assert verification.is_intact
    assert (verification.entries, verification.anchored) == (5, 5)
    assert verification.head == ChainHead(5, entries[4].hash)


def test_a_chain_without_entries_is_intact() -> None:
    assert verify_chain([], [AuditAnchor.at(NOON, ChainHead())]).is_intact


def test_an_altered_byte_is_found() -> None:
    entries = chain(3)
    altered = entries[1].text.replace('"amount":"2"', '"amount":"3"')
    entries[1] = replace(entries[1], text=altered)
    assert kinds(verify_chain(entries)) == [ProblemKind.ALTERED]


def test_an_altered_entry_with_a_hash_of_its_own_breaks_the_link_to_the_next() -> None:
    entries = chain(3)
    altered = entries[1].text.replace('"amount":"2"', '"amount":"3"')
    entries[1] = StoredEntry(2, altered, hash_text(altered))
    assert kinds(verify_chain(entries)) == [ProblemKind.BROKEN_LINK]


def test_a_removed_entry_is_a_gap() -> None:
    entries = chain(4)
    verification = verify_chain([entries[0], entries[3]])
    assert kinds(verification) == [ProblemKind.GAP]
    assert verification.problems[0].text == "entries 2 to 3 are missing"
    assert kinds(verify_chain(entries[1:])) == [ProblemKind.GAP]


def test_a_removed_end_is_found_by_an_anchor() -> None:
    entries = chain(4)
    assert verify_chain(entries[:3]).is_intact
    anchors = [anchor(entries[3])]
    assert kinds(verify_chain(entries[:3], anchors)) == [ProblemKind.REMOVED_END]
    assert kinds(verify_chain([], anchors)) == [ProblemKind.REMOVED_END]


def test_a_chain_that_was_written_anew_is_found_by_an_anchor() -> None:
    entries = chain(4)
    forged = rebuild(entries, 2)
    assert verify_chain(forged).is_intact
    verification = verify_chain(forged, [anchor(entries[0]), anchor(entries[3])])
    assert kinds(verification) == [ProblemKind.REBUILT]
    assert verification.anchored == 1


def test_two_entries_after_the_same_one_are_a_fork() -> None:
    entries = chain(3)
    other = rebuild(entries, 3)[2]
    assert ProblemKind.FORK in kinds(verify_chain([*entries, other]))


def test_a_place_that_was_anchored_with_two_hashes_is_a_fork() -> None:
    entries = chain(3)
    anchors = [anchor(entries[2]), anchor(rebuild(entries, 3)[2])]
    assert ProblemKind.FORK in kinds(verify_chain(entries, anchors))


def test_an_entry_at_the_place_of_another_one_is_found() -> None:
    entries = chain(3)
    entries[1] = replace(entries[0], place=2)
    assert ProblemKind.ALTERED in kinds(verify_chain(entries))


def test_a_part_of_the_chain_is_verified_from_an_anchored_entry_on() -> None:
    entries = chain(5)
    anchors = [anchor(entries[1])]
    assert verify_chain(entries[1:], anchors, 2).is_intact
    assert kinds(verify_chain(rebuild(entries, 1)[1:], anchors, 2)) == [ProblemKind.REBUILT]
    assert kinds(verify_chain(rebuild(entries, 3)[1:], anchors, 2)) == []
    assert kinds(verify_chain(entries[2:], anchors, 2)) == [ProblemKind.GAP]
    assert kinds(verify_chain([], anchors, 2)) == [ProblemKind.REMOVED_END]


def test_only_the_first_problems_are_described_and_all_are_counted() -> None:
    entries = [replace(entry, text=entry.text + " ") for entry in chain(MAX_PROBLEMS)]
    verification = verify_chain(entries)
    assert len(verification.problems) == MAX_PROBLEMS
    assert verification.problem_count == 2 * MAX_PROBLEMS


def test_an_anchor_is_read_from_its_name() -> None:
    made = anchor(chain(3)[2], datetime(2026, 11, 29, 18, 59, 59, tzinfo=UTC))
    assert made.name.startswith("anchors/2026-11-29T18Z/000000000003-")
    assert read_anchor(made.name) == made


@pytest.mark.parametrize(
    "name",
    [
        "anchors/",
        "anchors/2026-11-29T18Z/000000000003-abc.json",
        f"anchors/2026-11-31T18Z/000000000003-{START_HASH}.json",
        f"anchors/2026-11-29T18Z/000000000003-{START_HASH}.json.json",
        f"other/2026-11-29T18Z/000000000003-{START_HASH}.json",
    ],
)
def test_other_names_are_no_anchors(name: str) -> None:
    assert read_anchor(name) is None


@given(LENGTHS, st.data())
def test_any_altered_letter_of_any_entry_is_found(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    place = data.draw(st.integers(0, length - 1))
    text = entries[place].text
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters().filter(lambda letter: letter != text[at]))
    entries[place] = replace(entries[place], text=text[:at] + letter + text[at + 1 :])
    assert not verify_chain(entries).is_intact


@given(LENGTHS, st.data())
def test_any_missing_entries_are_found_with_an_anchor_of_the_last_one(
    length: int, data: st.DataObject
) -> None:
    entries = chain(length)
    removed = data.draw(st.sets(st.integers(0, length - 1), min_size=1))
    left = [entry for number, entry in enumerate(entries) if number not in removed]
    assert not verify_chain(left, [anchor(entries[-1])]).is_intact


@given(LENGTHS, st.data())
def test_any_chain_that_is_written_anew_is_found_with_an_anchor(
    length: int, data: st.DataObject
) -> None:
    entries = chain(length)
    first = data.draw(st.integers(1, length))
    anchored = data.draw(st.integers(first, length))
    forged = rebuild(entries, first)
    assert verify_chain(forged).is_intact
    assert not verify_chain(forged, [anchor(entries[anchored - 1])]).is_intact


@given(LENGTHS, st.data())
def test_any_order_but_the_own_one_is_found(length: int, data: st.DataObject) -> None:
    entries: list[Any] = chain(length + 1)
    shuffled = data.draw(st.permutations(entries).filter(lambda order: order != entries))
    assert not verify_chain(shuffled).is_intact
