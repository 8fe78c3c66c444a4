"""Calibrates forecasts on the deployment's own usage."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.functions.forecast_calibrator.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.calibrate_forecasts import ForecastCalibrator
from lambdas.wiring.client_timeouts import MAX_CALL_MS, time_check
from lambdas.wiring.forecast_calibrator import make_calibrator

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MEASURING_MS = 4 * 60_000
"""The time that is left for measuring the errors of all scopes and identities."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Measure the errors of past forecasts and store them."""
    report = calibrator().calibrate(
        datetime.now(UTC),
        has_time_to_read=time_check(context, MAX_CALL_MS + _MEASURING_MS),
        has_time=time_check(context),
    )
    own = report.own
    logger.info(
        "Forecasts are calibrated" if own else "Forecasts are not calibrated: too little is known",
        ratios=own.ratios if own else 0,
        sources=own.sources if own else 0,
        days=own.days if own else 0,
        hours=report.hours,
    )
    if report.is_cut or report.skipped:
        logger.warning(
            "There was no time for all usage", hours=report.hours, skipped=report.skipped
        )


@cache
def calibrator() -> ForecastCalibrator:
    """Make the calibrator, once per process."""
    return make_calibrator(Settings.from_environment(os.environ))
