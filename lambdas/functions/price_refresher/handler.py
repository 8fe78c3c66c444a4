"""Publishes missing cost: of calls without a price, and of calls at superseded prices."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.functions.price_refresher.answer import build_answer
from lambdas.functions.price_refresher.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.refresh_costs import CostRefresher
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.price_refresher import make_refresher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> dict[str, Any]:
    """Publish the cost of calls that have a price now, and differences of superseded prices.

    Returns:
        What `make reprice` prints.

    Raises:
        MetricsUnavailableError: CloudWatch did not take all, which counts as an error of the
            function, so that its alarm notifies: cost is missing until a run succeeds.
    """
    report = refresher().refresh(datetime.now(UTC), time_check(context))
    record_health(report.health)
    answer = build_answer(report.repriced, report.corrected)
    if not report.is_idle:
        logger.info("Calls that had no price, or a superseded one", **answer)
    if answer["is_refused"]:
        raise MetricsUnavailableError(answer["reason"])
    return answer


@cache
def refresher() -> CostRefresher:
    """Make the refresher, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_refresher(settings, ledger_table=settings.ledger_table)
