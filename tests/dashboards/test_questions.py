"""Each place that docs/questions.md names for an answer is there, with the title that it gives."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infrastructure.synthesis import ROOT

PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<question>[^|]+\?) \| (?P<where>[^|]+) \|", re.MULTILINE)
PLACE = re.compile(r"`(?P<name>\w+)`|`make (?P<target>[a-z-]+)|\"(?P<title>[^\"=`]+)\"(?!`)")
ROWS = {row["question"]: row["where"] for row in ROW.finditer(PAGE)}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def read_titles(part: Any) -> Iterator[str]:
    """List the titles of widgets and the names of their numbers."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in {"title", "label"} and isinstance(value, str):
                yield value
            yield from read_titles(value)
    if isinstance(part, list):
        for value in part:
            yield from read_titles(value)


def test_ten_questions_are_answered() -> None:
    assert len(ROWS) == 10


@pytest.mark.parametrize("question", ROWS)
def test_the_place_of_an_answer_is_there(question: str) -> None:
    where = re.sub(r"`[^`]*=[^`]*`", lambda made: made[0].replace('"', ""), ROWS[question])
    titles: set[str] = set()
    places = list(PLACE.finditer(where))
    assert places
    for place in places:
        if place["name"]:
            body = json.loads((ROOT / "dashboards" / f"{place['name']}.json").read_text())
            titles = set(read_titles(body))
        elif place["target"]:
            assert re.search(rf"^{place['target']}:", MAKEFILE, re.MULTILINE)
        else:
            assert place["title"] in titles
