"""Evaluates budgets and sends their alerts."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.budgets import AlertNotDeliveredError
from lambdas.functions.budget_evaluator.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.evaluate_budgets import BudgetEvaluator
from lambdas.services.send_budget_alerts import BudgetAlertSender
from lambdas.wiring.budget_evaluator import make_evaluator, make_sender
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class BudgetsNotEvaluatedError(Exception):
    """Budgets could not be evaluated. The text names them."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Evaluate budgets, then send all alerts that are due, also if the evaluation fails.

    Raises:
        BudgetsNotEvaluatedError: Some budgets could not be evaluated; the log has the errors.
        AlertNotDeliveredError: Some alerts were not delivered. They stay due.
        MetricsUnavailableError: CloudWatch did not take the metrics of budgets.
    """
    now, outbox = datetime.now(UTC), sender()
    try:
        result = evaluator().evaluate(now, time_check(context))
    finally:
        report = outbox.send(now)
    if result.alerts or result.skipped or report.sent:
        logger.info(
            "Budgets are evaluated",
            evaluated=result.evaluated,
            alerts=result.alerts,
            skipped=result.skipped,
            messages=report.sent,
        )
    for failed in result.failures:
        logger.error("A budget is not evaluated", budget=failed.name, exc_info=failed.error)
    if result.failures:
        raise BudgetsNotEvaluatedError(", ".join(sorted({name for name, _ in result.failures})))
    for error in report.errors:
        logger.error("Alerts of a budget are not sent", exc_info=error)
    reasons = [*report.failures, *(type(error).__name__ for error in report.errors)]
    if reasons:
        raise AlertNotDeliveredError("; ".join(reasons))


@cache
def evaluator() -> BudgetEvaluator:
    """Make the evaluator, once per process."""
    return make_evaluator(Settings.from_environment(os.environ))


@cache
def sender() -> BudgetAlertSender:
    """Make the sender, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_sender(settings, topic_arn=settings.topic_arn, dashboard_url=settings.dashboard_url)
