"""Calibrates forecasts on the usage of the deployment that they are for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from lambdas.domain.forecasting.calibration import MIN_RATIOS, calibrate
from lambdas.domain.forecasting.error_ratios import ErrorRatios, OwnErrors
from lambdas.domain.forecasting.expected_usage import DAY
from lambdas.domain.forecasting.hourly_usage import HourlyUsage
from lambdas.domain.forecasting.measured_ratio import MeasuredRatio, measure_ratios
from lambdas.domain.words import plural

CALIBRATION_SPAN = timedelta(weeks=4)
"""The usage that forecasts are calibrated on: recent, and each day of the week as often as the
others. Hours are kept for longer than that."""


class UsageHistory(NamedTuple):
    """The usage of a source that was forecast or could have been.

    Attributes:
        source: The scope or identity; histories of the same usage in several units share it.
        usage: The usage by hour.
    """

    source: str
    usage: HourlyUsage


class CalibrationUnreadableError(Exception):
    """The stored calibration could not be read. The text says why."""


class CalibrationStore(Protocol):
    """Stores the errors that were calibrated last."""

    def read(self) -> ErrorRatios | None:
        """Read them; `None` before the first.

        Raises:
            CalibrationUnreadableError: The store did not answer, or the item is damaged.
        """

    def write(self, errors: ErrorRatios) -> None:
        """Replace them; the deployment's own errors are in them."""

    def get_salt(self) -> str:
        """Get a random text that stays the same, by which a sample of usage is drawn."""


class ErrorSource(Protocol):
    """Knows the errors that forecasts stand on."""

    def get(self, now: datetime) -> ErrorRatios:
        """Return the errors in force."""


def calibrate_on_own(
    histories: Iterable[UsageHistory], until: datetime, now: datetime, prior: ErrorRatios
) -> ErrorRatios:
    """Measure the errors of forecasts in the last `CALIBRATION_SPAN`, and pool them with a prior.

    Args:
        histories: The usage of each source, in any order.
        until: The end of the usage that is known; what came later is not read.
        now: The time.
        prior: The shipped errors. With fewer than `MIN_RATIOS` own ones, they are returned.
    """
    ratios: list[MeasuredRatio] = []
    first = until
    for source, usage in histories:
        recent = _cut(usage, until - CALIBRATION_SPAN)
        if measured := list(measure_ratios(source, recent, until)):
            ratios += measured
            first = min(first, recent.observed_since or until)
    if len(ratios) < MIN_RATIOS:
        return prior
    own = OwnErrors(
        calibrated_at=now,
        ratios=len(ratios),
        sources=len({ratio.source for ratio in ratios}),
        days=-((first - until) // DAY),
    )
    return replace(calibrate(ratios, prior), own=own)


def describe_errors(own: OwnErrors | None) -> str:
    """Describe the errors that forecasts stand on, for people.

    >>> describe_errors(None)
    'errors of forecasts of public data'
    """
    if own is None:
        return "errors of forecasts of public data"
    day = f"{own.calibrated_at:%Y-%m-%d}"
    span = plural(own.days, "day")
    return f"errors of forecasts of your own usage in the {span} up to {day}, and of public data"


def _cut(usage: HourlyUsage, start: datetime) -> HourlyUsage:
    """Return the usage as if observation had begun at a time, or at its own start if later."""
    first = usage.observed_since
    return usage if first is None or first >= start else usage.observe_from(start)
