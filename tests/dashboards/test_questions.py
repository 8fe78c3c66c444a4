"""Each place that docs/questions.md names for an answer is there, with the title that it gives."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lambdas.functions.gateway import app
from tests.infrastructure.synthesis import ROOT

PAGE, _, OF_THE_GATEWAY = (
    (ROOT / "docs" / "questions.md")
    .read_text(encoding="utf-8")
    .partition("## Limits of the gateway")
)
ROW = re.compile(r"^\| (?P<question>[^|]+\?) \| (?P<where>[^|]+) \|", re.MULTILINE)
PLACE = re.compile(r"`(?P<name>\w+)`|`make (?P<target>[a-z-]+)|\"(?P<title>[^\"=`]+)\"(?!`)")
ROWS = {row["question"]: row["where"] for row in ROW.finditer(PAGE)}
GATEWAY_ROWS = {row["question"]: row["where"] for row in ROW.finditer(OF_THE_GATEWAY)}
COMMAND = re.compile(r"`bedrock-meter (?P<group>\w+) (?P<command>\w+)`")
REQUEST = re.compile(r"`(?:GET|POST) (?P<path>/[a-z/]+)`")
LOG_LINE = re.compile(r'lines "(?P<text>[^"]+)"')
WIRING = [path.read_text(encoding="utf-8") for path in (ROOT / "lambdas" / "wiring").glob("*.py")]
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


def test_eleven_questions_are_answered() -> None:
    assert len(ROWS) == 11


def check_places(row: str) -> None:
    """Check that dashboards, their titles and make targets of a row exist."""
    where = re.sub(r"`[^`]*=[^`]*`", lambda made: made[0].replace('"', ""), row)
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


@pytest.mark.parametrize("question", ROWS)
def test_the_place_of_an_answer_is_there(question: str) -> None:
    check_places(ROWS[question])


def test_each_question_about_the_gateway_has_a_place() -> None:
    assert len(GATEWAY_ROWS) == len(re.findall(r"^\| \S.*\?", OF_THE_GATEWAY, re.MULTILINE)) > 5


@pytest.mark.parametrize("question", GATEWAY_ROWS)
def test_the_place_of_an_answer_about_the_gateway_is_there(question: str) -> None:
    where = GATEWAY_ROWS[question]
    commands, requests = list(COMMAND.finditer(where)), list(REQUEST.finditer(where))
    lines = list(LOG_LINE.finditer(where))
    for found in commands:
        group = import_module(f"dashboards.command_line.commands.{found['group']}").command
        assert found["command"] in group.commands
    for found in requests:
        assert f'Route("{found["path"]}"' in Path(app.__file__).read_text(encoding="utf-8")
    for found in lines:
        assert any(f'"{found["text"]}"' in text for text in WIRING)
    if not (commands or requests or lines):
        check_places(where)
