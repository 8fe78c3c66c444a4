"""Every number of Hypothesis examples follows the profile, so that CI runs all of them."""

import re
from pathlib import Path

from hypothesis import settings

from tests.examples import percent_of_examples

TESTS = Path(__file__).parent


def test_ci_runs_more_examples_than_a_developer() -> None:
    assert settings.get_profile("ci").max_examples == 100
    assert settings.get_profile("default").max_examples == 20


def test_a_percentage_of_examples_is_at_least_one() -> None:
    assert percent_of_examples(100) == settings().max_examples
    assert percent_of_examples(0) == 1


def test_no_test_overrides_the_number_of_examples() -> None:
    fixed = [
        path for path in TESTS.rglob("test_*.py") if re.search(r"max_examples=\d", path.read_text())
    ]
    assert fixed == []
