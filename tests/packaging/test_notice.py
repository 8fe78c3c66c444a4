"""NOTICE names every source of the prices and model names that are shipped."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
PRICING = ROOT / "lambdas" / "domain" / "pricing"
SECTION = re.compile(r"^(\S+)\n((?:  .*\n)+)", re.MULTILINE)
ROW = re.compile(r"^    (\S.*?) {2,}(\S.*)$", re.MULTILINE)
LICENSES = {"MIT", "MIT-0", "Apache-2.0", "none stated"}
PAGE = "https://aws.amazon.com/bedrock/pricing/"


def read_licenses(file: str) -> dict[str, str]:
    """The licenses of the sources of a file, by the text that names each source."""
    return dict(ROW.findall(dict(SECTION.findall(NOTICE))[file]))


def find_licenses(file: str, source: str) -> set[str]:
    """The licenses of the rows that name a source of a file."""
    name = re.escape(source)
    found = read_licenses(file).items()
    return {stated for row, stated in found if re.search(rf"(?<![\w/-]){name}(?![\w/-])", row)}


def test_every_source_of_prices_has_a_row_with_its_license() -> None:
    names = json.loads((PRICING / "prices.json").read_text(encoding="utf-8"))["sources"]
    sources = {
        re.split(r"[@: ]", part)[0]
        for name in names
        if not name["name"].startswith(PAGE)
        for part in name["name"].split(", ")
    }
    file = "lambdas/domain/pricing/prices.json"
    assert {"Portkey-AI/models", "digline/digline", "genai-prices", "litellm"} <= sources
    licenses = {source: find_licenses(file, source) for source in sources}
    assert {source for source, found in licenses.items() if not found & LICENSES} == set()
    assert f"    {PAGE}" in NOTICE


def test_every_source_of_model_names_has_a_row_with_its_license() -> None:
    file = "lambdas/domain/pricing/price_list/model_names.json"
    sources = json.loads((PRICING / "price_list" / "model_names.json").read_text())["sources"]
    repositories = re.findall(r"[\w-]+/[\w-]+(?=@)|awslabs [\w-]+(?===)", " ".join(sources))
    assert len(repositories) == 4
    licenses = {repository: find_licenses(file, repository) for repository in repositories}
    assert {source for source, found in licenses.items() if not found & LICENSES} == set()


def test_every_fixture_is_named() -> None:
    fixtures = [path for path in (ROOT / "tests" / "fixtures").rglob("*") if path.is_file()]
    own = {"cases", "releases", "metric-answers", "weekly-summary.txt"}
    names = {path.name for path in fixtures if own.isdisjoint(path.parts) and path.name[0] != "."}
    assert {name for name in names if name not in NOTICE} == set()
