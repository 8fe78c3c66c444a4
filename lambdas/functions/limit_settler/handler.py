"""Settles calls that a stopped gateway left open, and lets the gateway enforce budgets."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.metrics.catalog import RECOVERED_RESERVATIONS, RETURNED_RESERVATIONS
from lambdas.functions.limit_settler.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.enforce_budgets import BudgetEnforcer
from lambdas.services.settle_calls import OpenCall, OpenCallSettler
from lambdas.wiring.limit_settler import make_enforcer, make_settler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_COUNTED = {
    RECOVERED_RESERVATIONS: OpenCall.BY_RECORD,
    RETURNED_RESERVATIONS: OpenCall.GIVEN_BACK,
}


class SettlingError(Exception):
    """Some reservations or budgets failed. The log says why, and the next run tries them again."""


@log_request_id
def lambda_handler(_event: object, _context: LambdaContext) -> None:
    """Raise counters of budgets, then settle reservations that are older than the longest call.

    One is done whatever becomes of the other.

    Raises:
        SettlingError: Some failed, so that an alarm notifies. All others are done.
    """
    now = datetime.now(UTC)
    try:
        failed = _enforce_budgets(now)
    finally:
        unsettled = _settle_calls(now)
    if failed or unsettled:
        message = f"{failed + unsettled} reservations or budgets failed"
        raise SettlingError(message)


def _enforce_budgets(now: datetime) -> int:
    """Raise counters of budgets, and return the number of failures."""
    failures = enforcer().enforce(now).failures
    for name, error in failures.items():
        logger.error("The gateway does not know the usage of a budget", budget=name, exc_info=error)
    return len(failures)


def _settle_calls(now: datetime) -> int:
    """Settle reservations, and return the number of failures."""
    counts, unread = settler().settle(now)
    if counts:
        outcomes = {outcome.value: count for outcome, count in counts.items()}
        logger.info("Reservations that a gateway left open", outcomes=outcomes)
    record_health(
        {metric: counts[outcome] for metric, outcome in _COUNTED.items() if counts[outcome]}
    )
    if unread is not None:
        logger.error(
            "Open reservations were not all read", subjects=str(unread), error=type(unread).__name__
        )
    return counts[OpenCall.FAILED] + (unread is not None)


@cache
def settler() -> OpenCallSettler:
    """Make the settler, once per process."""
    return make_settler(Settings.from_environment(os.environ))


@cache
def enforcer() -> BudgetEnforcer:
    """Make the enforcer of budgets, once per process."""
    return make_enforcer(Settings.from_environment(os.environ))
