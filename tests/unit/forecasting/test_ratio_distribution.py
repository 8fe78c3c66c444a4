"""Distributions of actual usage divided by its forecast."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.forecasting import LEVELS, RatioDistribution
from lambdas.domain.forecasting.ratio_distribution import fit_distribution

DISTRIBUTIONS = st.lists(
    st.integers(0, 5000) | st.just(0), min_size=len(LEVELS), max_size=len(LEVELS)
).map(lambda ratios: RatioDistribution(tuple(sorted(ratios))))
EVEN = RatioDistribution(LEVELS)
"""Ratios from 0 to 1, all equally probable."""


def test_quantiles_lie_on_a_line_between_levels() -> None:
    assert [EVEN.get_quantile(level) for level in (0, 10, 333, 1000)] == [
        0,
        Fraction(1, 100),
        Fraction(333, 1000),
        1,
    ]


def test_the_share_above_is_the_rest_of_the_level() -> None:
    assert EVEN.get_share_above(Fraction(1, 3)) == Fraction(2, 3)
    assert EVEN.get_share_above(Fraction(1)) == 0
    assert EVEN.get_share_above(Fraction(-1)) == 1


def test_an_interval_leaves_out_as_much_below_as_above() -> None:
    shifted = RatioDistribution(tuple(1000 + level for level in LEVELS))
    assert shifted.get_interval(800) == (Fraction(11, 10), Fraction(19, 10))


def test_an_interval_that_begins_at_zero_leaves_out_only_what_is_above() -> None:
    often_unused = RatioDistribution(tuple(max(0, level - 300) for level in LEVELS))
    assert often_unused.get_interval(800) == (Fraction(0), Fraction(1, 2))
    assert often_unused.get_interval(500) == (Fraction(0), Fraction(1, 5))


@given(DISTRIBUTIONS)
def test_intervals_are_nested(distribution: RatioDistribution) -> None:
    narrow, wide, widest = (distribution.get_interval(coverage) for coverage in (500, 800, 950))
    assert widest[0] <= wide[0] <= narrow[0] <= narrow[1] <= wide[1] <= widest[1]


@given(DISTRIBUTIONS, st.fractions(-1, 6), st.fractions(-1, 6))
def test_a_higher_ratio_is_never_more_probable(
    distribution: RatioDistribution, one: Fraction, other: Fraction
) -> None:
    low, high = sorted((one, other))
    assert 1 >= distribution.get_share_above(low) >= distribution.get_share_above(high) >= 0


@given(DISTRIBUTIONS, DISTRIBUTIONS, st.fractions(0, 1))
def test_a_blend_lies_between_its_distributions(
    one: RatioDistribution, other: RatioDistribution, weight: Fraction
) -> None:
    blend = one.blend(other, weight)
    assert one.blend(other, Fraction(0)) == one
    assert one.blend(other, Fraction(1)) == other
    for found, low, high in zip(blend.quantiles, one.quantiles, other.quantiles, strict=True):
        assert min(low, high) <= found <= max(low, high)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=200))
def test_fitted_quantiles_are_ratios_that_were_measured(ratios: list[int]) -> None:
    fitted = fit_distribution((ratio, 1.0) for ratio in ratios)
    assert set(fitted.quantiles) <= set(ratios)
    assert (fitted.quantiles[0], fitted.quantiles[-1]) == (min(ratios), max(ratios))
    for level, quantile in zip(LEVELS, fitted.quantiles, strict=True):
        assert 1000 * sum(ratio <= quantile for ratio in ratios) >= level * len(ratios) - 1


def test_a_heavier_ratio_takes_more_quantiles() -> None:
    fitted = fit_distribution([(1000, 9.0), (2000, 1.0)])
    assert [fitted.get_quantile(level) for level in (900, 950)] == [1, 2]


@pytest.mark.parametrize("quantiles", [(), tuple(reversed(LEVELS)), (-1, *LEVELS[1:])])
def test_anything_but_ascending_ratios_is_refused(quantiles: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        RatioDistribution(quantiles)


def test_no_ratio_makes_no_distribution() -> None:
    with pytest.raises(ValueError, match="needs a ratio"):
        fit_distribution([])
