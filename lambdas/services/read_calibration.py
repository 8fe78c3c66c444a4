"""Reads the errors that forecasts stand on: the calibrated ones, or else the shipped ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lambdas.domain.forecasting import (
    CalibrationStore,
    CalibrationUnreadableError,
    ErrorRatios,
    describe_errors,
)
from lambdas.observability import logger

_READ_EVERY = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class CalibratedErrors:
    """Errors of forecasts, read once an hour. A damaged item never stops a forecast.

    Attributes:
        store: The stored calibration.
        shipped: The errors that hold without one.
    """

    store: CalibrationStore
    shipped: ErrorRatios
    _errors: ErrorRatios | None = field(default=None, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def get(self, now: datetime) -> ErrorRatios:
        """Return the calibrated errors, else the last that were read, else the shipped ones."""
        if self._errors is None or self._read_at is None or now - self._read_at >= _READ_EVERY:
            self._errors, self._read_at = self._read(), now
        return self._errors

    def _read(self) -> ErrorRatios:
        try:
            stored = self.store.read()
        except CalibrationUnreadableError as error:
            known = self._errors or self.shipped
            logger.warning(
                "The calibration of forecasts cannot be read",
                reason=str(error),
                errors_in_use=describe_errors(known.own),
            )
            return known
        if stored is None:
            logger.info("Forecasts use the shipped errors: nothing is calibrated yet")
            return self.shipped
        return stored
