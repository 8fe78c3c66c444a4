"""Events survive their way as JSON, and hostile JSON is refused with a reason."""

import json
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.events import (
    MAX_EVENT_BYTES,
    MAX_MESSAGE_BYTES,
    EventType,
    InvalidEventError,
    MeterEvent,
    count_text_bytes,
    make_event_id,
    read_event,
    read_events,
    read_json,
    split_events,
    write_event,
    write_events,
)
from lambdas.domain.events.documents import MAX_EVENT_DEPTH
from lambdas.domain.events.messages import count_bytes
from tests.webhooks import make_event

letters = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
events = st.builds(
    MeterEvent,
    id=st.builds(make_event_id, letters),
    type=st.sampled_from(EventType),
    at=st.datetimes(timezones=st.just(UTC)),
    title=letters,
    text=letters,
    scope=st.dictionaries(letters, st.lists(letters).map(tuple)),
    detail=st.dictionaries(letters, st.none() | st.booleans() | st.integers() | letters),
    link=st.none() | letters,
)
large = st.builds(
    lambda event, letter, times: MeterEvent(
        id=event.id,
        type=event.type,
        at=event.at,
        title=letter * (times // 10),
        text=letter * times,
        scope={"project": (letter,) * (times // 100)},
        detail={"name": letter * (times // 3)},
        link=event.link,
    ),
    events,
    st.sampled_from(["a", '"', "\\", "é", "\U0001f600"]),
    st.integers(0, 30_000),
)


@given(st.lists(events, max_size=3))
def test_events_are_read_as_they_were_written(found: list[MeterEvent]) -> None:
    assert read_events(write_events(found)) == found
    assert write_events(found).isascii()


def test_a_field_of_a_newer_version_of_the_meter_is_left_out() -> None:
    event = make_event()
    assert read_event(write_event(event) | {"color": "red"}) == event


FAULTS: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("an event: expected an object", lambda _: []),
    ("version: expected 1", lambda document: document | {"version": "2"}),
    ("version: expected 1", lambda document: document | {"version": 1}),
    ("id: expected text", lambda document: document | {"id": 7}),
    ("id: expected up to 64", lambda document: document | {"id": "x" * 65}),
    ("id: expected up to 64", lambda document: document | {"id": "a\r\nb: c"}),
    ("type: expected one of usage", lambda document: document | {"type": "usage.unknown"}),
    ("at: expected a time", lambda document: document | {"at": "2026-01-01T00:00:00"}),
    ("title: expected text", lambda document: document | {"title": None}),
    ("text: expected text", lambda document: document | {"text": {}}),
    ("scope: expected an object", lambda document: document | {"scope": []}),
    ("scope: expected lists", lambda document: document | {"scope": {"project": "chat"}}),
    ("scope: expected lists", lambda document: document | {"scope": {"project": [1]}}),
    ("detail: expected an object", lambda document: document | {"detail": "x"}),
    ("link: expected text", lambda document: document | {"link": 1}),
]


@pytest.mark.parametrize(("reason", "change"), FAULTS, ids=[reason for reason, _ in FAULTS])
def test_what_is_no_event_is_refused(
    reason: str, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(InvalidEventError, match=reason):
        read_event(change(write_event(make_event(text="a prompt"))))


def test_events_that_are_no_array_are_refused() -> None:
    with pytest.raises(InvalidEventError, match="expected an array"):
        read_events("{}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "nul", "NaN", "[Infinity]", "[-1e999]", '"\\ud800"', "[" * 100_000, "9" * 5_000),
        "[" * (MAX_EVENT_DEPTH + 1) + "]" * (MAX_EVENT_DEPTH + 1),
    ],
)
def test_json_that_cannot_be_passed_on_is_refused(text: str) -> None:
    with pytest.raises(InvalidEventError, match="it is"):
        read_json(text)


def test_json_as_deep_as_allowed_is_read() -> None:
    text = "[" * MAX_EVENT_DEPTH + "]" * MAX_EVENT_DEPTH
    assert json.dumps(read_json(text)) == text


@given(st.lists(large, max_size=20), st.integers(-10, MAX_MESSAGE_BYTES))
def test_no_event_is_lost_and_every_message_fits(found: list[MeterEvent], room: int) -> None:
    messages = split_events(found, room)
    assert [event.id for message in messages for event in message] == [each.id for each in found]
    first, *others = [count_text_bytes(write_events(message)) for message in messages]
    assert first <= max(room, 0) + len("[]") + len('""')
    assert all(size <= MAX_MESSAGE_BYTES + len("[]") + len('""') for size in others)
    assert all(messages[1:])


@given(large)
def test_a_huge_event_keeps_its_id_type_time_and_link(event: MeterEvent) -> None:
    ((), (first,)) = split_events([event], 0)
    assert count_bytes(first) <= MAX_EVENT_BYTES + count_text_bytes(event.link or "")
    assert (first.id, first.type, first.at, first.link) == (
        event.id,
        event.type,
        event.at,
        event.link,
    )
    if count_bytes(event) <= MAX_EVENT_BYTES:
        assert first == event


def test_the_text_of_a_huge_event_is_cut_before_its_detail_is_left_out() -> None:
    ((), (long_text,)) = split_events([make_event(text="a" * 80_000)], 0)
    assert long_text.text == "a" * 3_000 + "..."
    assert long_text.detail == make_event().detail
    ((), (large_detail,)) = split_events([make_event(detail={"names": ["a"] * 80_000})], 0)
    assert large_detail.detail == {}
