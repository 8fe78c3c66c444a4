"""Distributions of forecast errors that know neither the tested client nor later days."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from dashboards.reports.backtest.traces import Traces
from lambdas.domain.forecasting import ErrorRatios, calibrate, measure_ratios

_DAY = timedelta(days=1)


class Calibrations:
    """Calibrates for each client anew, on the errors of the others."""

    def __init__(self, traces: Traces, step: timedelta) -> None:
        """Measure the errors of each client.

        Args:
            traces: The clients.
            step: The time between forecasts.
        """
        self._start = traces.start
        self._ratios = [
            ratio
            for client, usage in traces.clients.items()
            for ratio in measure_ratios(client, usage, traces.end, step)
        ]
        self._calibrate_once = cache(self._calibrate)

    def get_strict(self, client: str, origin: datetime) -> ErrorRatios:
        """Return the errors of other clients that were known on the day of the forecast."""
        return self._calibrate_once(client, self._begin_day(origin))

    def get_with_own(self, origin: datetime) -> ErrorRatios:
        """Return the errors of all clients that were known on the day of the forecast."""
        return self._calibrate_once(None, self._begin_day(origin))

    def get_all_days(self, client: str) -> ErrorRatios:
        """Return the errors of other clients on all days, later ones included."""
        return self._calibrate_once(client, None)

    def calibrate_all(self) -> ErrorRatios:
        """Return the errors of all clients on all days: those that are shipped."""
        return self._calibrate_once(None, None)

    def _calibrate(self, without: str | None, until: datetime | None) -> ErrorRatios:
        return calibrate(
            ratio
            for ratio in self._ratios
            if ratio.source != without and (until is None or ratio.known_at <= until)
        )

    def _begin_day(self, time: datetime) -> datetime:
        return self._start + (time - self._start) // _DAY * _DAY
