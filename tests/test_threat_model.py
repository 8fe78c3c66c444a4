"""Every row of the threat model names a test, and every test that it names exists."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
ATTACKS = (
    *("Fake usage", "Hide usage", "Stop the meter", "Run up the meter's bill"),
    *("Turn the brake against the account", "Rewrite the audit trail", "Read prompts"),
    "Misuse webhooks",
)
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", TEXT, re.MULTILINE))
TEST_NAME = re.compile(r"`([a-z_/]+\.py)(?:::(\w+))?`")


def attack_rows(section: str) -> list[str]:
    """The rows of a section's table, without its head."""
    return [line for line in SECTIONS[section].splitlines() if line.startswith("| ")][1:]


def has_test(file: Path, name: str) -> bool:
    """Say if a file exists and, where a test is named, has that test."""
    if not name or not file.is_file():
        return file.is_file()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_kind_of_attack_has_a_table() -> None:
    assert {section for section in ATTACKS if len(attack_rows(section)) < 5} == set()


def test_every_attack_names_a_test() -> None:
    rows = [row for section in ATTACKS for row in attack_rows(section)]
    assert [row for row in rows if not TEST_NAME.search(row.split("|")[-2])] == []


def test_every_named_test_exists() -> None:
    names = {name for section in ATTACKS for name in TEST_NAME.findall(SECTIONS[section])}
    assert len(names) > 20
    assert {(file, test) for file, test in names if not has_test(TESTS / file, test)} == set()


def test_every_actor_is_described() -> None:
    described = {name.lower() for name in re.findall(r"^\| \*\*(.+?)\*\*", TEXT, re.MULTILINE)}
    acting = {
        actor
        for section in ATTACKS
        for row in attack_rows(section)
        for actor in row.split("|")[2].strip().split(", ")
    }
    assert acting == described


def test_every_fault_that_the_brake_avoids_has_a_test() -> None:
    record = TESTS.parent / "docs" / "adr" / "0027-keep-iam-to-a-wanted-state.md"
    text = record.read_text(encoding="utf-8")
    table = text.partition("## Faults of the other project")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    found = [TEST_NAME.findall(row) for row in rows]
    assert len(rows) > 10
    assert all(found)
    names = [name for tests in found for name in tests]
    assert [(file, test) for file, test in names if not has_test(TESTS / file, test)] == []
