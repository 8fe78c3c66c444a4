"""Events of any size and with any letters, for tests of bodies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.webhooks import Origin
from tests.hostile_names import HOSTILE_NAMES
from tests.webhooks import make_event

ORIGIN = Origin("111122223333", "us-east-1")
MARKUP = (
    "<!channel> <!here> <@U123> <https://evil.example|click> *bold* _it_ `code` @channel & :bomb:"
)


def _enlarge(text: str, times: int) -> str:
    return text * times


any_text = st.one_of(
    st.text(),
    st.text(alphabet=st.characters()),
    st.sampled_from([*HOSTILE_NAMES.values(), MARKUP, "{title} {{text}} {", '","text":"x"']),
    st.builds(_enlarge, st.text(min_size=1, max_size=20), st.integers(1, 1_000)),
    st.builds(
        _enlarge,
        st.sampled_from(["\U0001f600", "\x00", '"', "\\", "é", "&", "\n"]),
        st.integers(1, 8_000),
    ),
)
_json_leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), any_text
)
any_json = st.recursive(
    _json_leaf,
    lambda parts: st.one_of(st.lists(parts), st.dictionaries(st.text(), parts)),
    max_leaves=10,
)
any_scope = st.dictionaries(
    st.one_of(st.sampled_from([field.value for field in ScopeField]), st.text()),
    st.one_of(
        st.lists(any_text, max_size=3).map(tuple),
        st.builds(lambda name, times: (name,) * times, any_text, st.integers(0, 300)),
    ),
    max_size=5,
)
any_event = st.builds(
    make_event,
    type=st.sampled_from(EventType),
    title=any_text,
    text=any_text,
    scope=any_scope,
    detail=st.dictionaries(st.text(), any_json, max_size=5),
    link=st.one_of(st.none(), st.just("https://example.com/a?b=c&d=e"), any_text),
)


def huge_event(**changes: Any) -> MeterEvent:
    """An event that is far above every limit, but for the changes."""
    return make_event(
        **{
            "title": "title " * 1_000,
            "text": "text " * 100_000,
            "scope": {field.value: tuple(f"n{i}" for i in range(2_000)) for field in ScopeField},
            "detail": {"values": [{"name": "v" * 500, "usd": "1.5"}] * 3_000},
            **changes,
        }
    )
