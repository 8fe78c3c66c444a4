"""Evaluates budgets, and sends their alerts and the events of the brake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.functions.budget_evaluator.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator
from lambdas.services.send_brake_events import BrakeEventSender, BrakeSendReport
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from lambdas.wiring.budget_evaluator import make_brake_sender, make_evaluator, make_sender
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class BudgetRunError(Exception):
    """A part of a run failed: budgets, metrics, alerts or events. The text has all that did."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Evaluate budgets, then send alerts and events that are due, also if the evaluation fails.

    Raises:
        BudgetRunError: Some budgets were not evaluated, their metrics not published, or alerts or
            events not delivered, which stay due. The log has the errors.
    """
    now, outbox, brake_outbox = datetime.now(UTC), sender(), brake_sender()
    try:
        result = evaluator().evaluate(now, time_check(context))
    finally:
        report = outbox.send(now)
        problems = [*_log_unsent(report), *_log_unsent_events(brake_outbox.send(now))]
    if result.alerts or result.skipped or report.sent:
        logger.info(
            "Budgets are evaluated",
            evaluated=result.evaluated,
            alerts=result.alerts,
            skipped=result.skipped,
            messages=report.sent,
        )
    problems += _log_unevaluated(result)
    if problems:
        raise BudgetRunError("; ".join(problems))


def _log_unsent(report: SendReport) -> Iterator[str]:
    """Log the alerts that are not sent; returns them in short."""
    for error in report.errors:
        logger.error("Alerts of a budget are not sent", exc_info=error)
    for reason in [*report.failures, *(type(error).__name__ for error in report.errors)]:
        yield f"alert not sent: {reason}"


def _log_unsent_events(report: BrakeSendReport) -> Iterator[str]:
    """Log the events of the brake that are not sent; returns them in short."""
    for error in report.errors:
        logger.error("An event of the brake is not sent", exc_info=error)
    for reason in [*report.failures, *(type(error).__name__ for error in report.errors)]:
        yield f"event of the brake not sent: {reason}"


def _log_unevaluated(result: BudgetEvaluation) -> Iterator[str]:
    """Log the budgets that are not evaluated, and metrics; returns them in short."""
    for failed in result.failures:
        logger.error("A budget is not evaluated", budget=failed.name, exc_info=failed.error)
    for name in sorted({failed.name for failed in result.failures}):
        yield f"budget not evaluated: {name}"
    if result.unpublished is not None:
        logger.error("Metrics of budgets are not published", exc_info=result.unpublished)
        yield f"metrics not published: {result.unpublished}"


@cache
def evaluator() -> BudgetEvaluator:
    """Make the evaluator, once per process."""
    return make_evaluator(Settings.from_environment(os.environ))


@cache
def sender() -> BudgetAlertSender:
    """Make the sender, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_sender(settings, topic_arn=settings.topic_arn, dashboard_url=settings.dashboard_url)


@cache
def brake_sender() -> BrakeEventSender:
    """Make the sender of the brake's events, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_brake_sender(settings, topic_arn=settings.topic_arn)
