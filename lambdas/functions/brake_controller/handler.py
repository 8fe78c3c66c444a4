"""Denies callers whose budgets are used up, and releases them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import CONTESTED_DENIES, DELAYED_DENIES, EXCESSIVE_DENIES
from lambdas.functions.brake_controller.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.brake_principals import BrakeReport, PrincipalBrake
from lambdas.wiring.brake_controller import make_brake
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Constant: a changed id would make CloudFormation delete the "old" resource after an update.
PHYSICAL_ID = "bedrock-meter-brake"


class BrakeRunError(Exception):
    """Some callers are not denied or released as they should be. The text names them."""


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Reconcile denies, or answer CloudFormation, which releases all before it removes the brake.

    Returns:
        The answer to CloudFormation's provider framework; nothing else reads it.

    Raises:
        BrakeRunError: Some changes failed; the log has the errors.
    """
    now = datetime.now(UTC)
    if "RequestType" in event:
        if event["RequestType"] == "Delete":
            _release_all(now, time_check(context))
        return {"PhysicalResourceId": PHYSICAL_ID}
    report = brake().reconcile(now, time_check(context))
    _log(report)
    record_health(
        {
            CONTESTED_DENIES: report.contested_denies,
            DELAYED_DENIES: report.delayed_denies,
            EXCESSIVE_DENIES: report.denied if report.is_above_limit else 0,
        }
    )
    if report.failures:
        raise BrakeRunError(", ".join(sorted({failure.name for failure in report.failures})))
    return {}


def _release_all(now: datetime, has_time: Callable[[], bool]) -> None:
    """Release all callers.

    Raises:
        BrakeRunError: Some callers may still be denied, or their releases are not recorded.
            CloudFormation tries again.
    """
    report = brake().release_all(now, has_time)
    _log(report)
    left = [f"{name}: {reason}" for name, reason in report.delayed]
    left += [failure.name for failure in report.failures]
    if report.skipped:
        left.append(f"{report.skipped} more, for which there was no time")
    if left:
        message = f"still denied, or not recorded: {', '.join(sorted(left))}"
        raise BrakeRunError(message)


def _log(report: BrakeReport) -> None:
    if report.attached or report.released or report.swept or report.contested or report.skipped:
        logger.info(
            "Denies have changed",
            denied=report.denied,
            attached=report.attached,
            released=report.released,
            swept=report.swept,
            contested=report.contested,
            skipped=report.skipped,
        )
    for change in report.delayed:
        logger.warning("A deny is not as it should be", caller=change.arn, reason=change.reason)
    for failure in report.failures:
        logger.error("A caller or a budget failed", failed=failure.name, exc_info=failure.error)


@cache
def brake() -> PrincipalBrake:
    """Make the brake, once per process, whose readings show how fast sums grow."""
    return make_brake(Settings.from_environment(os.environ))
