"""The errors of earlier forecasts, by activity and horizon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

from lambdas.domain.forecasting.expected_usage import Activity
from lambdas.domain.forecasting.ratio_distribution import RatioDistribution

HORIZON_HOURS = (1, 6, 24, 72, 168)
"""The horizons at which errors are measured."""
SHIPPED_FILE = Path(__file__).with_name("error_ratios.json")
"""Errors on public usage, which count beside a deployment's own; `make backtest` writes it."""


@dataclass(frozen=True, slots=True)
class OwnErrors:
    """The errors of a deployment's own usage that count beside the shipped ones.

    Attributes:
        calibrated_at: The time at which they were measured, aware. All of them were known then.
        ratios: The number of measured ratios.
        sources: The number of scopes and identities that they come from.
        days: The number of days of usage, the first one begun.
    """

    calibrated_at: datetime
    ratios: int
    sources: int
    days: int


@dataclass(frozen=True, slots=True)
class ErrorRatios:
    """Distributions of actual usage divided by its forecast.

    Attributes:
        distributions: By activity and horizon in hours; each activity has at least one.
        own: The deployment's own errors in them; `None` if they are the shipped ones alone.
    """

    distributions: Mapping[tuple[Activity, int], RatioDistribution]
    own: OwnErrors | None = None

    def get(self, activity: Activity, hours: Fraction) -> RatioDistribution:
        """Return the distribution at a horizon.

        Between two horizons it is between theirs; outside them, it is the nearest one's.
        """
        known = sorted(horizon for kind, horizon in self.distributions if kind is activity)
        for low, high in pairwise(known):
            if low < hours < high:
                weight = (hours - low) / (high - low)
                nearer = self.distributions[activity, low]
                return nearer.blend(self.distributions[activity, high], weight)
        nearest = known[0] if hours <= known[0] else max(h for h in known if h <= hours)
        return self.distributions[activity, nearest]


def list_error_ratios(ratios: ErrorRatios) -> dict[str, dict[str, list[int]]]:
    """List ratios by activity and horizon: a ratio per mille for each level."""
    document: dict[str, dict[str, list[int]]] = {}
    for (activity, horizon), distribution in sorted(ratios.distributions.items()):
        document.setdefault(activity, {})[str(horizon)] = list(distribution.quantiles)
    return document


def write_error_ratios(ratios: ErrorRatios) -> str:
    """Write ratios as JSON, in the form of `list_error_ratios`."""
    rows = (
        f" {json.dumps(activity)}: {_write_horizons(rows)}"
        for activity, rows in list_error_ratios(ratios).items()
    )
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _write_horizons(horizons: Mapping[str, list[int]]) -> str:
    """Write a line for each horizon, so that differences can be read."""
    rows = (f"  {json.dumps(horizon)}: {json.dumps(row)}" for horizon, row in horizons.items())
    return "{\n" + ",\n".join(rows) + "\n }"


def read_error_ratios(text: str) -> ErrorRatios:
    """Read ratios that `write_error_ratios` wrote.

    Raises:
        ValueError: The text is something else.
    """
    document = json.loads(text)
    return ErrorRatios(
        {
            (Activity(activity), int(horizon)): RatioDistribution(tuple(quantiles))
            for activity, horizons in document.items()
            for horizon, quantiles in horizons.items()
        }
    )


@cache
def read_shipped_ratios() -> ErrorRatios:
    """Read the ratios that are shipped."""
    return read_error_ratios(SHIPPED_FILE.read_text(encoding="utf-8"))
