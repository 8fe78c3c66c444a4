"""Completes sums of new and changed budgets, and compares those of others with cells."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.metrics.catalog import BUDGET_DRIFT, UNBUILT_BUDGETS
from lambdas.functions.budget_builder.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.build_budgets import BudgetBuilder
from lambdas.wiring.budget_builder import make_builder
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Build budgets, then compare the sums of one with cells."""
    now = datetime.now(UTC)
    report = builder().build(now, time_check(context))
    if report.activated or report.waiting:
        logger.info("Budgets are built", activated=report.activated, waiting=report.waiting)
    if report.resumed:
        logger.warning("Budgets go on with sums that lack usage", budgets=report.resumed)
    if report.overdue:
        logger.error("Budgets build for too long, and send no alerts", budgets=report.overdue)
        record_health({UNBUILT_BUDGETS: len(report.overdue)})
    for name, reason in report.unreadable.items():
        logger.error("A budget cannot be read, and is left out", budget=name, reason=reason)
    checked = builder().check(now)
    for difference in checked.differences:
        logger.error(
            "A sum of a budget differs from cells",
            sum=difference.key.name,
            value=difference.key.value,
            accumulated=asdict(difference.accumulated),
            recomputed=asdict(difference.recomputed),
        )
    if drift := len(checked.differences) + len(report.unreadable):
        record_health({BUDGET_DRIFT: drift})


@cache
def builder() -> BudgetBuilder:
    """Make the builder, once per process."""
    return make_builder(Settings.from_environment(os.environ))
