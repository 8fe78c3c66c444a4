"""The errors of forecasts that were known on each day of the logs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache

from lambdas.domain.forecasting import (
    CALIBRATION_SPAN,
    MIN_RATIOS,
    ErrorRatios,
    UsageHistory,
    calibrate,
    measure_ratios,
    read_shipped_ratios,
)

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MAX_ORIGINS = CALIBRATION_SPAN // _HOUR
_MAX_CALIBRATIONS = 28


class PastErrors:
    """Calibrates forecasts on the errors of the four weeks before, as a deployment does each day.

    The work is bounded: of logs of more than four weeks, errors are measured at every second hour
    or more rarely, and calibrated at every second day or more rarely.
    """

    def __init__(self, histories: Iterable[UsageHistory], until: datetime) -> None:
        """Measure the errors of each source.

        Args:
            histories: The usage of each source.
            until: The end of the usage that is known, a whole hour.
        """
        sources = list(histories)
        starts = [usage.observed_since or until for _, usage in sources]
        self._start = min(starts, default=until)
        span = max(until - self._start, _HOUR)
        step = _HOUR * -(-span // (_MAX_ORIGINS * _HOUR))
        self._every = _DAY * -(-span // (_MAX_CALIBRATIONS * _DAY))
        self._ratios = [
            ratio
            for source, usage in sources
            for ratio in measure_ratios(source, usage, until, step)
        ]
        self._calibrate_once = cache(self._calibrate)

    def get(self, now: datetime) -> ErrorRatios:
        """Return the errors that were known at the last calibration before a time."""
        begun = max(now - self._start, timedelta()) // self._every
        return self._calibrate_once(self._start + begun * self._every)

    def _calibrate(self, day: datetime) -> ErrorRatios:
        first = day - CALIBRATION_SPAN
        known = [ratio for ratio in self._ratios if first < ratio.known_at <= day]
        shipped = read_shipped_ratios()
        return shipped if len(known) < MIN_RATIOS else calibrate(known, shipped)
