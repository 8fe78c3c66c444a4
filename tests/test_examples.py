"""Every number of Hypothesis examples follows the profile, so that CI takes all of them."""

import re
from pathlib import Path

from hypothesis import settings

from tests.examples import percent_of_examples

TESTS = Path(__file__).parent


def test_ci_takes_more_examples_than_a_developer_s_run() -> None:
    assert settings.get_profile("ci").max_examples == 100
    assert settings.get_profile("default").max_examples == 20


def test_a_percentage_of_examples_is_at_least_one() -> None:
    assert percent_of_examples(100) == settings().max_examples
    assert percent_of_examples(0) == 1


def test_no_test_has_a_number_of_examples_of_its_own() -> None:
    fixed = [
        path for path in TESTS.rglob("test_*.py") if re.search(r"max_examples=\d", path.read_text())
    ]
    assert fixed == []
