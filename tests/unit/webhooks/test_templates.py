"""A template of the user is filled in, and no value can change its structure."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.webhooks import MAX_BODY_BYTES, TEMPLATE_NAMES
from lambdas.domain.webhooks.templates import (
    MAX_TEMPLATE_BYTES,
    InvalidTemplateError,
    check_template,
    render_template,
)
from tests.examples import percent_of_examples
from tests.unit.webhooks.any_events import MARKUP, ORIGIN, any_event, huge_event
from tests.webhooks import make_event

EVERY_NAME = json.dumps({name: f"<{{{name}}}>" for name in TEMPLATE_NAMES})


def render(template: object, event: MeterEvent) -> Any:
    text = template if isinstance(template, str) else json.dumps(template)
    check_template(text)
    body = render_template(text, event, ORIGIN)
    assert len(body) <= MAX_BODY_BYTES
    return json.loads(body.decode())


def test_each_name_is_replaced_by_its_value() -> None:
    event = make_event(
        type=EventType.BRAKE_DENIED,
        scope={"project": ("chat", "search"), "use_case": ("agents",), "region": ("eu-west-1",)},
    )
    assert render(EVERY_NAME, event) == {
        "title": f"<{event.title}>",
        "text": f"<{event.text}>",
        "link": f"<{event.link}>",
        "type": "<brake.denied>",
        "time": "<2026-09-08T12:00:00Z>",
        "id": f"<{event.id}>",
        "account": "<111122223333>",
        "region": "<us-east-1>",
        "scope": "<project: chat, search; use case: agents; region: eu-west-1>",
        "project": "<chat, search>",
        "department": "<>",
        "use_case": "<agents>",
        "identity": "<>",
        "principal": "<>",
        "model": "<>",
    }


def test_names_are_replaced_in_strings_at_any_depth_and_nowhere_else() -> None:
    template = {"a": [{"{title}": "{type}: {title}"}], "n": 1.5, "b": True, "none": None}
    event = make_event(title="T")
    assert render(template, event) == {
        "a": [{"{title}": "budget.threshold_reached: T"}],
        "n": 1.5,
        "b": True,
        "none": None,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{title}} {title}", "{title} T"),
        ("{{{title}}}", "{T}"),
        ("{{}} {title}", "{} T"),
        ("{title}{title}", "TT"),
    ],
)
def test_doubled_braces_are_braces(text: str, expected: str) -> None:
    assert render({"text": text}, make_event(title="T")) == {"text": expected}


def test_names_inside_values_are_not_replaced_again() -> None:
    event = make_event(title="{text} {{x}}", text="secret plan")
    assert render({"text": "{title}"}, event) == {"text": "{text} {{x}}"}


@given(any_event)
@settings(max_examples=percent_of_examples(60), deadline=None)
def test_no_value_changes_the_structure(event: MeterEvent) -> None:
    found = render(EVERY_NAME, event)
    assert list(found) == list(TEMPLATE_NAMES)
    assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize("value", ['","admin":"true', "\\", '"}', "\n\t", MARKUP, "\ud800"])
def test_values_cannot_break_out_of_their_string(value: str) -> None:
    found = render({"text": "{title}"}, make_event(title=value))
    assert list(found) == ["text"]


any_template = st.recursive(
    st.one_of(
        st.text(alphabet=st.characters(exclude_characters="{}"), max_size=30),
        st.sampled_from(["{text}", "{title} {scope}", "{{", "}}"]),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda parts: (
        st.lists(parts, max_size=5) | st.dictionaries(st.text(max_size=5), parts, max_size=5)
    ),
)


@given(any_template, st.integers(1, 300))
@settings(max_examples=percent_of_examples(30), deadline=None)
def test_every_accepted_template_stays_within_20_kb(part: object, times: int) -> None:
    template = json.dumps({"parts": [part] * times, "text": "{text}"}, ensure_ascii=False)
    with suppress(InvalidTemplateError):
        check_template(template)
        render(template, huge_event())


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("", "write a JSON object"),
        ("{title}", "write a JSON object"),
        ('{"text": "{title}"', "line 1"),
        ('{"text": NaN, "a": "{title}"}', "write a JSON object"),
        ('{"text": 1e999, "a": "{title}"}', "write a JSON object"),
        ('["{title}"]', "write { ... }"),
        ('"{title}"', "write { ... }"),
        ('{"text": "{titel}"}', "unknown names in braces: titel"),
        ('{"text": "{title.__class__}"}', "unknown names"),
        ('{"text": "{} {title}"}', "unknown names"),
        ('{"text": "{0}{title}"}', "unknown names"),
        ('{"text": "{title"}', "{{ and }}"),
        ('{"text": "title}"}', "{{ and }}"),
        ('{"text": "hello"}', "add {title}, {text} or {type}"),
        ("[" * 7_000, "write a JSON object"),
        ('{"a":' * 60 + '"{title}"' + "}" * 60, "nested more than 50"),
        ('{"text": "{title}' + "x" * MAX_TEMPLATE_BYTES + '"}', "8,000 bytes"),
        ('{"text": "{title}", "a": [' + "1E9," * 1_500 + "1]}", "8,000 bytes"),
    ],
    ids=lambda text: text[:20],
)
def test_a_template_that_cannot_be_used_is_refused_with_advice(template: str, advice: str) -> None:
    with pytest.raises(InvalidTemplateError) as refusal:
        check_template(template)
    assert advice in str(refusal.value)


def test_a_template_can_do_without_texts_of_callers() -> None:
    assert render({"text": "{type}: {scope}"}, make_event()) == {
        "text": "budget.threshold_reached: project: chat"
    }


def test_an_event_that_is_too_large_is_cut() -> None:
    found = render({"text": "{text}", "again": "{text}"}, huge_event())
    assert found["text"] == found["again"]
    assert found["text"].endswith("…")
    assert len(found["text"]) == 4_000


@pytest.mark.parametrize(("repeats", "letters"), [(3, 4_000), (15, 1_000), (50, 250), (200, 60)])
def test_values_that_are_repeated_often_are_cut_more(repeats: int, letters: int) -> None:
    found = render({"all": ["{text}"] * repeats}, huge_event())
    assert {len(text) for text in found["all"]} == {letters}


def test_values_are_left_out_if_nothing_else_helps() -> None:
    found = render({"all": ["{text}"] * 700}, huge_event())
    assert set(found["all"]) == {""}
