"""Pages link to files and headings that exist, and name existing make targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("cdk", "dashboards", "docs", "lambdas", "tests")
PAGES = [*ROOT.glob("*.md"), *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
each_page = pytest.mark.parametrize(
    "page", sorted(PAGES), ids=lambda page: str(page.relative_to(ROOT))
)


def read_anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = HEADING.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def find_broken_links(page: Path) -> Iterator[str]:
    for path, anchor in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in read_anchors(target)):
            yield f"{path}#{anchor}" if anchor else path


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert list(find_broken_links(page)) == []


def test_a_missing_file_and_a_missing_heading_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Two words, one\n[a](#two-words-one) [b](#three) [c](gone.md) [d](page.md)\n")
    assert list(find_broken_links(page)) == ["#three", "gone.md"]


@each_page
def test_every_make_target_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    used = set(re.findall(r"(?:`|^ *)make ([a-z0-9-]+)", text, re.MULTILINE))
    assert used <= TARGETS


def test_contributing_names_the_five_paths() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"^## (.+)$", (ROOT / "docs" / "extending.md").read_text(), re.MULTILINE)
    linked = set(re.findall(r"docs/extending\.md#([a-z-]+)", text))
    assert linked == {path.lower().replace(" ", "-") for path in paths}
    assert len(linked) == 5
