"""The standard body is JSON of at most 20 KB, whatever an event contains."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.webhooks import MAX_BODY_BYTES
from lambdas.domain.webhooks.standard_payload import write_standard_payload
from tests.examples import percent_of_examples
from tests.unit.webhooks.any_events import ORIGIN, any_event, huge_event
from tests.webhooks import NOON, make_event


def write(event: MeterEvent) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    body = write_standard_payload(event, ORIGIN)
    assert len(body) <= MAX_BODY_BYTES
    document: dict[str, Any] = json.loads(body.decode(), parse_constant=refuse)
    return document


def test_a_payload_has_type_timestamp_and_data() -> None:
    event = make_event()
    assert write(event) == {
        "type": "budget.threshold_reached",
        "timestamp": "2026-09-08T12:00:00Z",
        "data": {
            "version": "1",
            "account": "111122223333",
            "region": "us-east-1",
            "title": event.title,
            "text": event.text,
            "scope": {"project": ["chat"]},
            "detail": {"budget": "chat"},
            "link": event.link,
            "truncated": False,
        },
    }


def test_the_timestamp_is_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert write(make_event(at=elsewhere))["timestamp"] == "2026-09-08T12:00:00Z"


@given(any_event)
@settings(max_examples=percent_of_examples(60), deadline=None)
def test_any_event_becomes_json_of_at_most_20_kb(event: MeterEvent) -> None:
    document = write(event)
    assert document.keys() == {"type", "timestamp", "data"}
    assert document["type"] == event.type
    assert isinstance(document["data"]["truncated"], bool)
    assert document["data"].keys() == write(make_event())["data"].keys()


@given(any_event)
@settings(max_examples=percent_of_examples(50), deadline=None)
def test_a_cut_text_is_the_beginning_of_the_whole_one(event: MeterEvent) -> None:
    data = write(event)["data"]
    whole = event.text.encode("utf-8", "replace").decode()
    if data["text"] != whole:
        assert data["truncated"]
        assert data["text"].endswith("…")
        assert whole.startswith(data["text"][:-1])


def test_of_a_large_event_texts_are_cut_and_lists_shortened() -> None:
    data = write(huge_event())["data"]
    assert data["truncated"]
    assert 5 <= len(data["detail"]["values"]) < 3_000
    assert data["detail"]["values"][0]["usd"] == "1.5"
    assert data["scope"]["project"][:2] == ["n0", "n1"]
    assert data["title"].startswith("title ")


def test_as_little_is_cut_as_the_steps_allow() -> None:
    data = write(huge_event(text="text " * 1_000, scope={}, detail={}))["data"]
    assert not data["truncated"]
    data = write(huge_event(detail={}, scope={}))["data"]
    assert len(data["text"]) == 2_000


def test_scope_and_detail_are_left_out_if_nothing_else_helps() -> None:
    data = write(huge_event(detail={f"field{i}": i for i in range(5_000)}))["data"]
    assert (data["scope"], data["detail"], data["truncated"]) == ({}, {}, True)
    assert data["title"]
    assert data["text"]


def test_a_huge_link_is_left_out_rather_than_cut() -> None:
    assert write(make_event(link="https://example.com/" + "a" * 30_000))["data"]["link"] is None


@pytest.mark.parametrize("letter", ["\U0001f600", "\x01", "\ud800", '"'])
def test_no_letter_is_too_long_for_the_last_step(letter: str) -> None:
    event = make_event(
        title=letter * 9_000, text=letter * 90_000, link=letter * 2_000, detail={"a": [letter] * 9}
    )
    assert write(event)["data"]["truncated"]


def test_values_that_json_does_not_have_are_replaced() -> None:
    detail = {"nan": float("nan"), "inf": float("-inf"), "usd": Decimal("1.50"), "at": (1, 2)}
    assert write(make_event(detail=detail))["data"]["detail"] == {
        "nan": None,
        "inf": None,
        "usd": "1.50",
        "at": [1, 2],
    }


def test_deep_nesting_ends() -> None:
    nested: Any = "bottom"
    for _ in range(5_000):
        nested = [nested]
    assert "bottom" not in json.dumps(write(make_event(detail={"deep": nested})))


@pytest.mark.parametrize("event_type", EventType)
def test_every_type_is_written(event_type: EventType) -> None:
    assert write(make_event(type=event_type))["type"] == event_type.value
