"""NOTICE names every source of the prices and model names that are shipped."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
PRICING = ROOT / "lambdas" / "domain" / "pricing"
REPOSITORY = re.compile(r"\b[A-Za-z][\w-]*/[A-Za-z][\w-]*(?=[@:#,]|$)")


def test_every_source_of_prices_is_named() -> None:
    sources = json.loads((PRICING / "prices.json").read_text(encoding="utf-8"))["sources"]
    named = {
        repository
        for source in sources
        if not source["name"].startswith("https://")
        for repository in REPOSITORY.findall(source["name"].partition(":")[0])
    }
    assert "Portkey-AI/models" in named
    assert {repository for repository in named if repository not in NOTICE} == set()


def test_every_source_of_model_names_is_named() -> None:
    text = (PRICING / "price_list" / "model_names.json").read_text(encoding="utf-8")
    named = set(re.findall(r"([A-Za-z][\w-]*/[\w-]+)@", " ".join(json.loads(text)["sources"])))
    assert named
    assert {repository for repository in named if repository not in NOTICE} == set()


def test_every_fixture_is_named() -> None:
    fixtures = [path for path in (ROOT / "tests" / "fixtures").rglob("*") if path.is_file()]
    names = {path.name for path in fixtures if "cases" not in path.parts and path.name[0] != "."}
    assert {name for name in names if name not in NOTICE} == set()
