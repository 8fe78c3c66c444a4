"""Finds values that someone else has published in the meter's namespace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.completeness.forged_series import (
    GUARDED_SETS,
    MAX_SERIES_READ,
    ForgedSeries,
    SeriesReader,
    judge_series,
    window_of_series,
)
from lambdas.domain.metrics.catalog import NAMESPACE


@dataclass(frozen=True, slots=True)
class ForgedSeriesFinder:
    """Looks at the series that usage alarms evaluate.

    Attributes:
        reader: Reads the series.
        metric_name: The metric that usage alarms evaluate.
    """

    reader: SeriesReader
    metric_name: str

    def find(self, moment: datetime) -> ForgedSeries:
        """Find forged series in the time that usage alarms add up at a moment.

        Raises:
            MetricReadError: CloudWatch did not give all values.
        """
        window = window_of_series(moment)
        lowest = {}
        for dimension_set in GUARDED_SETS:
            (dimension,) = dimension_set.dimension_names
            lowest[dimension_set] = self.reader.lowest_values(
                NAMESPACE, self.metric_name, dimension, window, at_most=MAX_SERIES_READ
            )
        return judge_series(lowest)
