"""Decision records are numbered without gaps, and the index has each of them."""

import re
from pathlib import Path

RECORDS = Path(__file__).parents[2] / "docs" / "adr"


def test_every_record_has_its_number_and_its_parts_and_is_in_the_index() -> None:
    index = (RECORDS / "README.md").read_text(encoding="utf-8")
    records = sorted(RECORDS.glob("[0-9]*.md"))
    assert len(records) > 20
    for number, record in enumerate(records, start=1):
        text = record.read_text(encoding="utf-8")
        assert record.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert {"Context", "Decision"} <= set(re.findall(r"^## (.+)$", text, re.MULTILINE))
        assert f"[{number}]({record.name})" in index or number == 1
