"""The distribution of actual usage divided by its forecast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

LEVELS = (0, 25, *range(50, 1000, 50), 975, 1000)
"""The levels of the quantiles that a distribution has, per mille."""
_ONE = 1000


@dataclass(frozen=True, slots=True)
class RatioDistribution:
    """Quantiles of actual usage divided by its forecast, linear between them.

    Attributes:
        quantiles: A ratio per mille for each of `LEVELS`, in ascending order and not negative:
            1500 is an actual usage of 1.5 times the forecast.
    """

    quantiles: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the quantiles.

        Raises:
            ValueError: There is not one for each level, or they do not ascend from 0 or above.
        """
        steps = pairwise((0, *self.quantiles))
        if len(self.quantiles) != len(LEVELS) or any(low > high for low, high in steps):
            msg = f"A distribution needs {len(LEVELS)} ascending ratios that are not negative."
            raise ValueError(msg)

    def get_quantile(self, level: int) -> Fraction:
        """Return the ratio that is not exceeded with the probability `level`, per mille."""
        right = min(bisect_right(LEVELS, level), len(LEVELS) - 1)
        low, high = LEVELS[right - 1], LEVELS[right]
        start, end = self.quantiles[right - 1], self.quantiles[right]
        weighted = start * (high - level) + end * (level - low)
        return Fraction(weighted, _ONE * (high - low))

    def get_share_above(self, ratio: Fraction) -> Fraction:
        """Return the probability of a higher ratio."""
        scaled = ratio * _ONE
        right = bisect_right(self.quantiles, scaled)
        if right == 0:
            return Fraction(1)
        if right == len(LEVELS):
            return Fraction(0)
        start, end = self.quantiles[right - 1], self.quantiles[right]
        low, high = LEVELS[right - 1], LEVELS[right]
        below: Fraction = low + (scaled - start) / (end - start) * (high - low)
        return 1 - below / _ONE

    def get_interval(self, coverage: int) -> tuple[Fraction, Fraction]:
        """Return the lowest and the highest ratio of an interval.

        Equal shares lie below and above. If the lower share would only hold ratios of 0, the
        interval begins at 0, and all that it leaves out lies above.

        Args:
            coverage: The probability of a ratio inside, per mille.
        """
        outside = _ONE - coverage
        low = self.get_quantile(outside // 2)
        if low == 0:
            return low, self.get_quantile(coverage)
        return low, self.get_quantile(_ONE - outside // 2)

    def blend(self, other: RatioDistribution, weight: Fraction) -> RatioDistribution:
        """Return a distribution between this one (weight 0) and another (weight 1)."""
        pairs = zip(self.quantiles, other.quantiles, strict=True)
        return RatioDistribution(
            tuple(round(mine + weight * (theirs - mine)) for mine, theirs in pairs)
        )


def fit_distribution(weighted: Iterable[tuple[int, float]]) -> RatioDistribution:
    """Find the quantiles of ratios (per mille) with weights.

    Raises:
        ValueError: There is no ratio.
    """
    ordered = sorted(weighted)
    if not ordered:
        msg = "A distribution needs a ratio."
        raise ValueError(msg)
    reached = list(accumulate(weight for _, weight in ordered))
    last = len(ordered) - 1
    places = (bisect_left(reached, level * reached[-1] / _ONE, hi=last) for level in LEVELS)
    return RatioDistribution(tuple(ordered[place][0] for place in places))
