"""The ratchet of plain English: banned words by folder, whose number may only fall.

After removing some, lower the numbers: `.venv/bin/python -m tests.packaging.plain_english`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COUNTS = Path(__file__).with_suffix(".json")
CODE = ("cdk", "dashboards", "lambdas", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
GLOSSARY = ROOT / "docs" / "glossary.md"
"""Names the words that others replace."""
UPDATE = ".venv/bin/python -m tests.packaging.plain_english"


class Rule(NamedTuple):
    """Words that the project does not use, and what to write instead."""

    name: str
    pattern: re.Pattern[str]
    advice: str


def _words(*words: str) -> re.Pattern[str]:
    """Match words in prose (`was told`) and in identifiers (`is_told_of`), not inside words."""
    alternatives = "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in words)
    return re.compile(rf"(?<![A-Za-z])(?:{alternatives})(?![a-z])".replace(" ", r"[\s_]+"))


RULES = (
    Rule(
        "telling",
        _words("told", "tells?", "nobody", "somebody", "hears? of", "is none", "of which"),
        "say who or what does it: reports, returns, notifies",
    ),
    Rule(
        "dialect",
        _words(
            *("put down to", "rungs?", "ladder", "in vain", "mend(?:s|ed|ing)?", "losses"),
            *("remember(?:s|ed|ing)?", "recall(?:s|ed)?", "symptoms?", "examinations?"),
            *("folded", "folding", "negotiated", "gathering", "lossBook", "identity_bound"),
            *("let_notify", "stored_with"),
        ),
        "use the word of the field: attributed to, precedence, waste, resolved, memoize, load/save,"
        " health check, role roll-up, contracted",
    ),
    Rule(
        "constants",
        re.compile(
            r"\b_?(?:MOST|LONGEST|LARGEST|OLDEST)_[A-Z_]+\b|\b[A-Z_]+_(?:KEPT|TRIES)\b"
            r"|\b(?:ANYWHERE|STANDING)\b"
        ),
        "write MAX_X, MIN_X, X_RETENTION, MAX_ATTEMPTS",
    ),
    Rule(
        "functions",
        re.compile(r"\bdef (?:_?of_\w+|\w+_of)\("),
        "begin a function's name with a verb: get_price, read_prices",
    ),
    Rule(
        "variable-it",
        re.compile(r"\bfor (?:\w+, )*it(?:, \w+)* in\b|\blambda it\b"),
        "name the variable by its noun: call, price, alarm",
    ),
    Rule(
        "questions",
        re.compile(r'"""(?:What|Whether|How|Who|Whose|When|Where|Which|Why)\b'),
        "begin a docstring with a noun phrase or an imperative",
    ),
)


class Place(NamedTuple):
    """A place that breaks a rule."""

    folder: str
    rule: str
    path: Path
    line: int


def find_places() -> Iterator[Place]:
    """Find every place in code and prose that breaks a rule."""
    for path in _files():
        text = path.read_text(encoding="utf-8")
        relative = path.relative_to(ROOT)
        folder = "/".join(relative.parts[:2][: len(relative.parts) - 1]) or "."
        for rule in RULES:
            for match in rule.pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield Place(folder, rule.name, relative, line)


def count_places(places: list[Place]) -> dict[str, dict[str, int]]:
    """Count places by folder and rule."""
    counts: dict[str, dict[str, int]] = {}
    for (folder, rule), count in sorted(Counter(place[:2] for place in places).items()):
        counts.setdefault(folder, {})[rule] = count
    return counts


def read_counts() -> dict[str, dict[str, int]]:
    """Read the committed counts."""
    counts: dict[str, dict[str, int]] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return counts


def lower_counts() -> None:
    """Write the counts of today, none of them above what is committed."""
    committed, today = read_counts(), count_places(list(find_places()))
    lowered = {
        folder: {
            rule: min(count, committed.get(folder, {}).get(rule, 0))
            for rule, count in rules.items()
        }
        for folder, rules in today.items()
    }
    COUNTS.write_text(json.dumps(lowered, indent=2) + "\n", encoding="utf-8")


def _files() -> Iterator[Path]:
    own = {Path(__file__), Path(__file__).with_name("test_plain_english.py")}
    for folder in CODE:
        yield from (path for path in (ROOT / folder).rglob("*.py") if path not in own)
    for folder in (*CODE, "docs"):
        yield from (path for path in (ROOT / folder).rglob("*.md") if path != GLOSSARY)
    yield from (ROOT / page for page in PAGES if (ROOT / page).exists())


if __name__ == "__main__":
    lower_counts()
