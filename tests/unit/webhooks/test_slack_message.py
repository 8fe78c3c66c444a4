"""A message for Slack is readable, within Slack's limits, and shows hostile names as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks import MAX_BODY_BYTES
from lambdas.domain.webhooks.slack_message import escape_for_slack, write_slack_message
from tests.examples import percent_of_examples
from tests.hostile_names import HOSTILE_NAMES
from tests.unit.webhooks.any_events import MARKUP, ORIGIN, any_event, huge_event
from tests.webhooks import make_event

MAX_LETTERS = {"header": 150, "section": 3000, "field": 2000, "context": 3000}
"""Slack's limits of texts in blocks."""


def write(event: MeterEvent) -> dict[str, Any]:
    body = write_slack_message(event, ORIGIN)
    assert len(body) <= MAX_BODY_BYTES
    message: dict[str, Any] = json.loads(body)
    return message


def list_texts(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in message["blocks"]:
        if "text" in block:
            yield block["type"], block["text"]
        yield from (("field", field) for field in block.get("fields", ()))
        yield from (("context", element) for element in block.get("elements", ()))


def test_a_message_has_title_text_scope_link_and_origin() -> None:
    event = make_event(link="https://example.com/a?b=c&d=e")
    message = write(event)
    assert message["text"] == event.title
    assert [text["text"] for _, text in list_texts(message)] == [
        event.title,
        event.text,
        "project: chat",
        "<https://example.com/a?b=c&amp;d=e|Open the dashboard>",
        "budget.threshold_reached | 2026-09-08T12:00:00Z | 111122223333 us-east-1",
    ]


@given(any_event)
@settings(max_examples=percent_of_examples(60), deadline=None)
def test_any_event_is_within_the_limits_of_slack(event: MeterEvent) -> None:
    message = write(event)
    assert message["text"]
    assert len(message["blocks"]) <= 50
    for kind, text in list_texts(message):
        assert 1 <= len(text["text"].encode("utf-16-le")) // 2 <= MAX_LETTERS[kind]
    for block in message["blocks"]:
        assert len(block.get("fields", ())) <= 10


@given(any_event)
@settings(max_examples=percent_of_examples(50), deadline=None)
def test_control_letters_of_slack_stand_in_our_own_link_alone(event: MeterEvent) -> None:
    message = write(event)
    texts = [message["text"], *(text["text"] for _, text in list_texts(message))]
    for text in texts:
        rest = text.removeprefix("<").removesuffix("|Open the dashboard>")
        assert "<" not in rest
        assert ">" not in rest
        assert rest.count("&") == sum(map(rest.count, ("&amp;", "&lt;", "&gt;")))


@pytest.mark.parametrize("name", [*HOSTILE_NAMES.values(), MARKUP], ids=lambda name: name[:12])
@pytest.mark.parametrize("place", ["title", "text", "scope", "label"])
def test_a_hostile_name_mentions_and_formats_nothing(name: str, place: str) -> None:
    changes: dict[str, dict[str, Any]] = {
        "title": {"title": name},
        "text": {"text": name},
        "scope": {"scope": {"project": (name,)}},
        "label": {"scope": {name: ("chat",)}},
    }
    message = write(make_event(link=None, **changes[place]))
    assert "<" not in json.dumps(message)
    assert {text["type"] for _, text in list_texts(message)} == {"plain_text"}
    assert not any(text["emoji"] for _, text in list_texts(message))
    assert "\x1b" not in message["text"]
    assert all("\x1b" not in text["text"] for _, text in list_texts(message))


def test_names_in_the_scope_become_no_links() -> None:
    message = write(make_event(scope={"project": ("https://evil.example/login",)}, link=None))
    assert "https://evil" not in json.dumps(message)


@pytest.mark.parametrize(
    "link",
    [None, "", "javascript:alert(1)", "ftp://example.com", "https://example.com/" + "a" * 2_000],
)
def test_a_link_that_slack_does_not_take_is_left_out(link: str | None) -> None:
    assert "Open the dashboard" not in json.dumps(write(make_event(link=link)))


def test_a_link_cannot_end_early() -> None:
    message = write(make_event(link="https://example.com/a|b>c<!channel>"))
    links = [text["text"] for _, text in list_texts(message) if text["type"] == "mrkdwn"]
    assert links == ["<https://example.com/a%7Cb%3Ec%3C!channel%3E|Open the dashboard>"]


def test_an_event_without_texts_still_is_a_message() -> None:
    message = write(make_event(title=" \n", text="", scope={}, link=None))
    assert message["text"] == "Bedrock Meter"
    assert [block["type"] for block in message["blocks"]] == ["header", "context"]


def test_a_huge_event_keeps_its_beginning() -> None:
    shown = [text["text"] for _, text in list_texts(write(huge_event()))]
    assert shown[0].startswith("title ")
    assert shown[1].startswith("text ")
    assert shown[2] == "project: n0, n1, n2, n3, n4 and 1,995 more"


def test_a_cut_splits_no_escaped_letter() -> None:
    for max_letters in range(1, 20):
        cut = escape_for_slack("<>&" * 10, max_letters)
        assert len(cut) <= max_letters
        assert cut.endswith("…")
        assert cut.count("&") == cut.count(";")
