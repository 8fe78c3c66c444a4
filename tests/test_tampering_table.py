"""The documentation of tampering names the events that start the watcher, and tests that exist."""

import re
from pathlib import Path

from lambdas.domain.logging_configuration import WATCHED

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "tampering.md").read_text(encoding="utf-8")
EVENTS, ROWS = TEXT.split("## When the topic itself is silenced")


def test_every_event_that_starts_the_watcher_is_documented_with_its_source() -> None:
    documented: dict[str, set[str]] = {}
    for line in EVENTS.splitlines():
        if (row := re.match(r"\| [^|]+ \| `([a-z.]+)` \| (.+) \|$", line)) is not None:
            documented.setdefault(row[1], set()).update(re.findall(r"`([A-Z]\w+)`", row[2]))
    watched: dict[str, set[str]] = {}
    for actions in WATCHED.values():
        watched.setdefault(f"{actions.service}.amazonaws.com", set()).update(actions.actions)
    assert documented == watched


def test_every_test_in_the_table_exists() -> None:
    named = set(re.findall(r"`([a-z_/]+\.py)`", ROWS))
    assert len(named) > 10
    assert {name for name in named if not (TESTS / name).exists()} == set()
