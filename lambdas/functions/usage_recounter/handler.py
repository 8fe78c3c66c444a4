"""Counts calls of the ledger again, after switching counters on or at new prices."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.usage_recounter.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.recount_usage import UsageRecounter
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.usage_recounter import make_recounter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Begin a recount that is due, or go on with one.

    Args:
        event: `{"count_again": true}` begins to count all calls again, into new cells.
        context: The context of the invocation.

    Returns:
        The edition that calls are counted at, and what is left to do.
    """
    now = datetime.now(UTC)
    if event.get("count_again") is True:
        report = recounter().count_again(now)
    else:
        report = recounter().recount(now, time_check(context))
    state = report.state
    since = state.incomplete_since if state else None
    answer: dict[str, Any] = {
        "prices": (state.prices.published or state.prices.deployed) if state else None,
        "generation": state.generation if state else None,
        "is_recounting": state is not None and state.scanning is not None,
        "incomplete_since": since.isoformat() if since else None,
        "looked_at": report.looked_at,
        "reason": report.reason,
    }
    if report.looked_at or report.reason:
        logger.info("Calls of the ledger are counted again", **answer)
    return answer


@cache
def recounter() -> UsageRecounter:
    """Make the recounter, once per process."""
    return make_recounter(Settings.from_environment(os.environ))
