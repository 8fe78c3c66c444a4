"""Marks of limits say which limit of whom is nearly used up, and nothing of a request."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lambdas.domain.events import EventType
from lambdas.domain.limit_notices import DueMark, name_event, write_marks_notice
from lambdas.domain.limit_policies import Partition
from lambdas.domain.limits import LimitUnit
from tests.builders import NOON
from tests.limit_marks import due_mark, near_mark

PAGE = Path(__file__).parents[2] / "docs" / "limit-near.schema.json"
SCHEMA = Draft202012Validator(json.loads(PAGE.read_text(encoding="utf-8")))
REACHED_PAGE = PAGE.with_name("limit-reached.schema.json")
REACHED = Draft202012Validator(json.loads(REACHED_PAGE.read_text(encoding="utf-8")))
ANA = "arn:aws:sts::111122223333:assumed-role/callers/ana@example.com"
MARKS = [
    due_mark(),
    *(due_mark(unit=unit) for unit in LimitUnit),
    due_mark(is_enforced=False),
    due_mark(counted_by=()),
    due_mark(counted_by=tuple((each, "x" * 2048) for each in Partition)),
    due_mark(counted_by=((Partition.PROJECT, None), (Partition.TIER, None))),
    due_mark(limit="n" * 64 + "/quota_tokens/month@America/Argentina/Buenos_Aires"),
]
REFUSED = due_mark(percent=97, used=970, is_refusal=True)


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.detail["unit"])
def test_every_mark_follows_the_schema_and_every_subject_fits(mark: DueMark) -> None:
    SCHEMA.validate(mark.detail)
    notice = write_marks_notice([mark.detail])
    assert notice.subject.isascii()
    assert len(notice.subject) <= 100
    assert mark.id in notice.text


def test_a_message_names_the_limit_its_use_and_the_caller_as_budgets_do() -> None:
    notice = write_marks_notice([due_mark().detail])
    assert notice.subject == "Bedrock limit tokens: 80%"
    line = f"- tokens, caller {ANA}: 812 of 1,000 total used at 2026-09-08T12:00:00Z, 80% reached"
    assert line in notice.text.splitlines()


def test_money_is_exact_in_the_event_and_readable_in_the_message() -> None:
    mark = due_mark(unit=LimitUnit.USD, amount=500 * 10**12, used=400 * 10**12 + 1)
    assert (mark.detail["amount"], mark.detail["used"]) == ("500", "400.000000000001")
    assert "of $500" in write_marks_notice([mark.detail]).text


def test_a_message_for_many_lists_those_with_most_usage_first() -> None:
    details = [due_mark(f"caller-{number}").detail for number in range(30)]
    text = write_marks_notice([*details, due_mark("last", percent=95).detail]).text
    assert "callers/last" in text.splitlines()[1]
    assert "and 11 more" in text


def test_ids_name_no_caller_and_differ_for_each_mark() -> None:
    marks = [near_mark(), near_mark("ben"), near_mark(percent=95), near_mark(window=1)]
    assert len({mark.id for mark in marks}) == 4
    assert not any("ana" in mark.id or "ben" in mark.id for mark in marks)


@given(st.text(max_size=300))
def test_no_name_of_a_caller_breaks_a_message(name: str) -> None:
    mark = due_mark(counted_by=((Partition.PROJECT, name), (Partition.CALLER, "a")))
    SCHEMA.validate(mark.detail)
    text = write_marks_notice([mark.detail]).text
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert mark.detail["at"].startswith(f"{NOON:%Y-%m-%d}")


def test_a_refusal_has_a_schema_of_its_own_and_says_until_when_it_lasts() -> None:
    REACHED.validate(REFUSED.detail)
    assert not REACHED.is_valid(due_mark().detail)
    assert name_event(REFUSED.detail) == "Bedrock Meter Limit Reached"
    assert name_event(due_mark().detail) == "Bedrock Meter Limit Near"
    notice = write_marks_notice([REFUSED.detail])
    assert notice.subject == "Bedrock limit tokens: refuses calls"
    assert (
        f"- tokens, caller {ANA}: 970 of 1,000 total used at 2026-09-08T12:00:00Z,"
        " a call was refused; its window ends at 2026-09-08T13:00:00Z"
    ) in notice.text.splitlines()


def test_refusals_come_first_in_a_message_for_many() -> None:
    details = [due_mark("ben", percent=99).detail, REFUSED.detail]
    notice = write_marks_notice(details)
    assert notice.subject == "Bedrock limits: 1 refuse calls, 1 nearly used up"
    assert "a call was refused" in notice.text.splitlines()[1]
    assert write_marks_notice([REFUSED.detail] * 2).subject == "Bedrock limits: 2 refuse calls"


def test_each_mark_is_an_event_with_the_usage_that_it_concerns() -> None:
    counted = ((Partition.CALLER, "ana"), (Partition.PROJECT, "chat"), (Partition.TIER, None))
    details = [due_mark(counted_by=counted).detail, REFUSED.detail]
    near, reached = write_marks_notice(details, "https://console.example/limits").events
    assert (near.type, reached.type) == (EventType.LIMIT_NEAR, EventType.LIMIT_REACHED)
    assert near.scope == {
        "identity": (ANA.replace("ana@example.com", "ana"),),
        "project": ("chat",),
    }
    assert reached.scope == {"identity": (ANA,)}
    assert near.link == "https://console.example/limits"
    assert reached.title == "Bedrock limit tokens: refuses calls"
    assert near.id != reached.id
    again, _ = write_marks_notice([*details[:1], due_mark("ben").detail]).events
    assert again.id == near.id
