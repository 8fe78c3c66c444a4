"""Forms for issues have what GitHub needs to show them, and ask for what helps to find a bug."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

FORMS = sorted((Path(__file__).parents[2] / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


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
