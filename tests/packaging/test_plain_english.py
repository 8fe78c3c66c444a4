"""Banned words of the style guide become fewer in every folder, and never more."""

import pytest

from tests.packaging.plain_english import (
    RULES,
    UPDATE,
    count_places,
    find_places,
    read_counts,
)

ADVICE = {rule.name: rule.advice for rule in RULES}
MAX_PLACES_SHOWN = 20


def test_banned_words_only_become_fewer() -> None:
    places = list(find_places())
    committed, today = read_counts(), count_places(places)
    risen, fallen = [], []
    for folder, rule in sorted({(f, r) for c in (committed, today) for f in c for r in c[f]}):
        before = committed.get(folder, {}).get(rule, 0)
        now = today.get(folder, {}).get(rule, 0)
        if now > before:
            found = [f"  {p.path}:{p.line}" for p in places if (p.folder, p.rule) == (folder, rule)]
            rest = len(found) - MAX_PLACES_SHOWN
            risen += [
                f"{folder}: {rule} rose from {before} to {now}; {ADVICE[rule]}. See git diff, or:",
                *found[:MAX_PLACES_SHOWN],
                *([f"  ... and {rest} more"] if rest > 0 else []),
            ]
        elif now < before:
            fallen.append(f"{folder}: {rule} fell from {before} to {now}")
    assert not risen, "\n".join(["There are new banned words.", *risen])
    assert not fallen, "\n".join([f"Well done. Lower the numbers: {UPDATE}", *fallen])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("# Nobody is here.", "telling"),
        ("def test_a_call_is_told() -> None: ...", "telling"),
        ("models of\nwhich", "telling"),
        ("calls put down to a project", "dialect"),
        ("class LossBook:", "dialect"),
        ("_MOST_CALLS = 3", "constants"),
        ("def price_of(model: str) -> None:", "functions"),
        ("[it for it in calls]", "variable-it"),
        ("{key: 1 for key, it in calls}", "variable-it"),
        ('"""Whether a call is priced."""', "questions"),
    ],
)
def test_banned_words_are_found(text: str, rule: str) -> None:
    assert [each.name for each in RULES if each.pattern.search(text)] == [rule]


@pytest.mark.parametrize(
    "text",
    ["if price is None:", "intolerable", "the recommended price", "MAX_CALLS = 3", "wrung"],
)
def test_other_words_are_allowed(text: str) -> None:
    assert [rule.name for rule in RULES if rule.pattern.search(text)] == []
