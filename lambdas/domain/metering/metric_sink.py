"""Where data points go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lambdas.domain.metering.aggregation import DataPoint


class MetricsUnavailableError(Exception):
    """Data points could not be sent; none of them was taken."""


class MetricSink(Protocol):
    """Takes data points."""

    def put(self, data_points: Sequence[DataPoint]) -> None:
        """Send data points with one call.

        Raises:
            MetricsUnavailableError: None of them was taken.
        """
