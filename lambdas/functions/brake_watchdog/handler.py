"""Takes off denies that outlast their end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.metrics.catalog import OVERDUE_DENIES
from lambdas.functions.brake_watchdog.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.release_ended_denies import BrakeWatchdog
from lambdas.wiring.brake_watchdog import make_watchdog

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(_event: object, _context: LambdaContext) -> None:
    """Release what the brake should have released, and report that it did not.

    Raises:
        Exception: The stored denies could not be read. What this process knew to have ended is
            released.
    """
    report = watchdog().release_ended(datetime.now(UTC))
    for ended in report.released:
        logger.error(
            "A deny outlasted its end, and is taken off", caller=ended.arn, end=ended.until
        )
    for arn, reason in report.still_denied:
        logger.error("A deny outlasts its end", caller=arn, reason=reason)
    record_health({OVERDUE_DENIES: len(report.released) + len(report.still_denied)})
    if report.read_error is not None:
        raise report.read_error


@cache
def watchdog() -> BrakeWatchdog:
    """Make the watchdog, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_watchdog(
        governance_table=settings.governance_table, deny_policy_arn=settings.deny_policy_arn
    )
