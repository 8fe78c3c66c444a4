"""Calibrated errors as a deployment stores them: JSON with a version, checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdas.domain.forecasting.error_ratios import (
    HORIZON_HOURS,
    ErrorRatios,
    OwnErrors,
    list_error_ratios,
)
from lambdas.domain.forecasting.expected_usage import Activity
from lambdas.domain.forecasting.measured_ratio import MAX_RATIO
from lambdas.domain.forecasting.ratio_distribution import RatioDistribution

_VERSION = 1
_CELLS = frozenset((activity, hours) for activity in Activity for hours in HORIZON_HOURS)
_OTHER_FORM = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


class InvalidCalibrationError(Exception):
    """A stored calibration has another form or impossible values. The text says what is wrong."""


def write_calibration(errors: ErrorRatios) -> str:
    """Write errors with the deployment's own in them.

    Raises:
        ValueError: They are the shipped ones alone, which are not stored.
    """
    if errors.own is None:
        message = "Shipped errors are not stored."
        raise ValueError(message)
    own = errors.own
    document = {
        "version": _VERSION,
        "calibrated_at": own.calibrated_at.astimezone(UTC).isoformat(timespec="seconds"),
        "ratios": own.ratios,
        "sources": own.sources,
        "days": own.days,
        "errors": list_error_ratios(errors),
    }
    return json.dumps(document, separators=(",", ":"))


def read_calibration(text: str) -> ErrorRatios:
    """Read what `write_calibration` wrote.

    Raises:
        InvalidCalibrationError: The text is something else, or a value is out of bounds.
    """
    try:
        document = json.loads(text)
        if document["version"] != _VERSION:
            message = "another version of the meter wrote it"
            raise InvalidCalibrationError(message)
        return ErrorRatios(_read_errors(document["errors"]), _read_own(document))
    except _OTHER_FORM as error:
        message = f"it has another form ({type(error).__name__})"
        raise InvalidCalibrationError(message) from error


def _read_own(document: Mapping[str, Any]) -> OwnErrors:
    calibrated_at = datetime.fromisoformat(document["calibrated_at"])
    if calibrated_at.utcoffset() is None:
        message = "its time has no time zone"
        raise InvalidCalibrationError(message)
    numbers = [document[name] for name in ("ratios", "sources", "days")]
    if not all(type(number) is int and number >= 0 for number in numbers):
        message = "a count is no whole number from 0"
        raise InvalidCalibrationError(message)
    return OwnErrors(calibrated_at, *numbers)


def _read_errors(
    document: Mapping[str, Mapping[str, list[int]]],
) -> Mapping[tuple[Activity, int], RatioDistribution]:
    errors = {
        (Activity(activity), int(hours)): _read_distribution(quantiles)
        for activity, rows in document.items()
        for hours, quantiles in rows.items()
    }
    if errors.keys() != _CELLS:
        message = "an activity or a horizon is missing, or there is another one"
        raise InvalidCalibrationError(message)
    return errors


def _read_distribution(quantiles: list[int]) -> RatioDistribution:
    if not all(type(ratio) is int and 0 <= ratio <= MAX_RATIO for ratio in quantiles):
        message = f"a ratio is no whole number from 0 to {MAX_RATIO}"
        raise InvalidCalibrationError(message)
    return RatioDistribution(tuple(quantiles))
