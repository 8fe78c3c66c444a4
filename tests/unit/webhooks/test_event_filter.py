"""A filter chooses events by type and by scope."""

import pytest

from lambdas.domain.events import EventType
from lambdas.domain.webhooks import EventFilter
from tests.webhooks import make_event

CHAT = {"project": ("chat-web",), "model": ("haiku", "sonnet")}


@pytest.mark.parametrize("event_type", EventType)
def test_an_empty_filter_takes_every_type(event_type: EventType) -> None:
    assert EventFilter().matches(make_event(type=event_type))


@pytest.mark.parametrize(
    ("types", "is_wanted"),
    [
        (("budget.threshold_reached",), True),
        (("budget.*",), True),
        (("*",), True),
        (("brake.*", "budget.*"), True),
        (("*.threshold_reached",), True),
        (("budget",), False),
        (("budget.threshold",), False),
        (("brake.*",), False),
        (("BUDGET.*",), False),
    ],
)
def test_types_are_names_or_patterns(types: tuple[str, ...], *, is_wanted: bool) -> None:
    event = make_event(type=EventType.BUDGET_THRESHOLD_REACHED)
    assert EventFilter(types=types).matches(event) is is_wanted


@pytest.mark.parametrize(
    ("scope", "is_wanted"),
    [
        ({"project": ("chat-web",)}, True),
        ({"project": ("chat-*",)}, True),
        ({"project": ("search", "chat-*")}, True),
        ({"model": ("sonnet",)}, True),
        ({"project": ("chat-*",), "model": ("haiku",)}, True),
        ({"project": ("chat",)}, False),
        ({"project": ("chat-*",), "model": ("opus",)}, False),
        ({"department": ("*",)}, False),
    ],
)
def test_each_label_of_the_filter_needs_one_matching_name(
    scope: dict[str, tuple[str, ...]], *, is_wanted: bool
) -> None:
    assert EventFilter(scope=scope).matches(make_event(scope=CHAT)) is is_wanted


def test_an_event_without_scope_matches_no_filter_by_scope() -> None:
    assert not EventFilter(scope={"project": ("*",)}).matches(make_event(scope={}))


def test_type_and_scope_both_have_to_match() -> None:
    wanted = EventFilter(types=("brake.*",), scope={"project": ("*",)})
    assert not wanted.matches(make_event(scope=CHAT))
    assert wanted.matches(make_event(type=EventType.BRAKE_DENIED, scope=CHAT))
