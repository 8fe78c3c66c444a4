"""Pages for contributors link to files and headings that exist, and name existing targets."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "docs/threat-model.md")
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    page = ROOT / name
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    used = set(re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE))
    assert used <= TARGETS


def test_contributing_names_the_five_paths() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"^## (.+)$", (ROOT / "docs" / "extending.md").read_text(), re.MULTILINE)
    linked = set(re.findall(r"docs/extending\.md#([a-z-]+)", text))
    assert linked == {path.lower().replace(" ", "-") for path in paths}
    assert len(linked) == 5
