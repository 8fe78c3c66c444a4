"""Numbers of Hypothesis examples, in proportion to the profile that `conftest.py` loads."""

from hypothesis import settings


def percent_of_examples(percent: int) -> int:
    """Compute this percentage of the profile's examples, for tests whose examples are slow."""
    return max(1, settings().max_examples * percent // 100)
