"""The ring never lets more than the limit through in any window's length; other rules do."""

from pathlib import Path

import pytest

from tests.benchmarks.windows import LIMIT, RULES, Arrival, find_highest_use, find_worst_window

ROOT = Path(__file__).parents[3]


def test_the_ring_has_its_limit_as_its_worst_window() -> None:
    assert find_worst_window(RULES["ring"]) == LIMIT


@pytest.mark.parametrize("rule", ["fixed", "weighted_sliding", "token_bucket"])
def test_other_rules_let_almost_twice_the_limit_through(rule: str) -> None:
    assert find_worst_window(RULES[rule]) > 1.5 * LIMIT


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("ring", "the gateway's"),
        ("weighted_sliding", "weighted sliding window"),
        ("token_bucket", "token bucket"),
        ("fixed", "fixed window"),
    ],
)
def test_the_readme_has_the_worst_window_of_each_rule(rule: str, name: str) -> None:
    percent = 100 * find_worst_window(RULES[rule]) // LIMIT
    assert f"| {name} | {percent} |" in (ROOT / "README.md").read_text()


def test_the_highest_use_is_that_of_any_interval() -> None:
    uses = [Arrival(moment, 10) for moment in (0, 5, 9, 10, 30)]
    assert find_highest_use(uses, 10) == 30
    assert find_highest_use(uses, 11) == 40
