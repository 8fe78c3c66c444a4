"""Pages for contributors link to files and headings that exist, and name existing targets."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

ROOT = Path(__file__).parents[2]
PAGES = (
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/threat-model.md",
    "docs/adr/README.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
)
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*_*.yml"))
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


def test_every_decision_record_has_its_parts_and_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(folder.glob("[0-9]*.md"))
    for number, record in enumerate(records, start=1):
        text = record.read_text(encoding="utf-8")
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert {"Context", "Decision"} <= set(re.findall(r"^## (.+)$", text, re.MULTILINE))
        assert f"({record.name})" in index


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_for_issues_asks_for_what_github_can_show(form: Path) -> None:
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= content.keys()
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields) > 0


def test_the_bug_report_asks_for_the_version_and_the_report_of_an_account() -> None:
    (form,) = (path for path in FORMS if path.stem == "bug_report")
    text = form.read_text(encoding="utf-8")
    assert "`bedrock-meter --version`" in text
    assert "`make verify-account`" in text
    assert "SECURITY.md" in text
