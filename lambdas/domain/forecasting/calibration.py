"""Makes distributions of the errors of forecasts, from measured ratios and a prior."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import sqrt

from lambdas.domain.forecasting.error_ratios import ErrorRatios
from lambdas.domain.forecasting.expected_usage import Activity
from lambdas.domain.forecasting.measured_ratio import MeasuredRatio
from lambdas.domain.forecasting.ratio_distribution import RatioDistribution, fit_distribution

MIN_RATIOS = 40
"""Fewer ratios of an activity make no distribution of their own."""
_PRIOR_WEIGHT = 100
"""The weight of a prior: as much as eight identities, each with a week of hourly forecasts."""
_PRIOR_POINTS = range(5, 1000, 10)
_Weighted = list[tuple[int, float]]


def calibrate(ratios: Iterable[MeasuredRatio], prior: ErrorRatios | None = None) -> ErrorRatios:
    """Pool ratios by activity and horizon.

    The ratios of one source resemble one another, and one with many shall not decide alone: the
    weight of a source is the square root of the number of its ratios.

    Args:
        ratios: Measured ratios.
        prior: Distributions that count beside the ratios; where there is no ratio, they stay as
            they are. Without a prior, an activity with fewer than `MIN_RATIOS` at a horizon gets
            the ratios of all activities, and a horizon with fewer is left out.
    """
    measured = _weigh(ratios)
    if prior is not None:
        return ErrorRatios(
            {
                cell: fit_distribution([*_spread(distribution), *measured[cell]])
                if cell in measured
                else distribution
                for cell, distribution in prior.distributions.items()
            }
        )
    pooled: dict[int, _Weighted] = defaultdict(list)
    for (_, horizon), found in measured.items():
        pooled[horizon] += found
    return ErrorRatios(
        {
            (activity, horizon): fit_distribution(
                own if len(own := measured.get((activity, horizon), [])) >= MIN_RATIOS else everyone
            )
            for horizon, everyone in pooled.items()
            if len(everyone) >= MIN_RATIOS
            for activity in Activity
        }
    )


def _weigh(ratios: Iterable[MeasuredRatio]) -> dict[tuple[Activity, int], _Weighted]:
    sources: dict[tuple[Activity, int, str], list[int]] = defaultdict(list)
    for one in ratios:
        sources[one.activity, one.horizon_hours, one.source].append(one.ratio)
    weighted: dict[tuple[Activity, int], _Weighted] = defaultdict(list)
    for (activity, horizon, _), found in sources.items():
        weight = 1 / sqrt(len(found))
        weighted[activity, horizon] += [(ratio, weight) for ratio in found]
    return weighted


def _spread(distribution: RatioDistribution) -> Iterator[tuple[int, float]]:
    weight = _PRIOR_WEIGHT / len(_PRIOR_POINTS)
    for level in _PRIOR_POINTS:
        yield round(1000 * distribution.get_quantile(level)), weight
