"""Evaluates budgets, and sends their alerts, events of the brake and marks of limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import EXPIRED_MARKS, LIMITS_NEAR
from lambdas.domain.runs import is_after_counting
from lambdas.functions.budget_evaluator.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.evaluate_budgets import BudgetEvaluation, BudgetEvaluator
from lambdas.services.send_brake_events import BrakeEventSender, BrakeSendReport
from lambdas.services.send_budget_alerts import BudgetAlertSender, SendReport
from lambdas.services.send_limit_marks import LimitMarkSender
from lambdas.wiring.budget_evaluator import (
    make_brake_sender,
    make_evaluator,
    make_mark_sender,
    make_reading_limit,
    make_sender,
)
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class BudgetRunError(Exception):
    """A part of a run failed: budgets, metrics, alerts or events. The text has all that did."""


@log_request_id
def lambda_handler(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Evaluate budgets, and send their alerts, events of the brake and marks of limits.

    What is due already is sent first.

    After counting, usage alone is evaluated. Forecasts, which read cells, are made by the schedule.

    Raises:
        BudgetRunError: Some budgets were not evaluated, their metrics not published, or alerts or
            events not delivered, which stay due. The log has the errors.
    """
    now, outbox, budgets = datetime.now(UTC), sender(), evaluator()
    has_time, make_limit = time_check(context), partial(make_reading_limit, context)
    reports = [outbox.send(now, has_time)]
    unsent_events = [*_log_unsent_events(brake_sender().send(now)), *_send_marks(now, has_time)]
    results = [budgets.evaluate_usage(now, has_time, make_limit)]
    if results[-1].alerts:
        reports.append(outbox.send(now, has_time))
    if not is_after_counting(event):
        results.append(budgets.evaluate_forecasts(results[-1], now, has_time, make_limit))
        if results[-1].alerts:
            reports.append(outbox.send(now, has_time))
    _log_results(results, reports)
    problems = [*chain(*map(_log_unsent, reports), unsent_events, *map(_log_unevaluated, results))]
    if problems:
        raise BudgetRunError("; ".join(dict.fromkeys(problems)))


def _log_results(results: Sequence[BudgetEvaluation], reports: Sequence[SendReport]) -> None:
    """Log the figures of a run in which something happened."""
    alerts = sum(result.alerts for result in results)
    skipped = sum(result.skipped for result in results)
    messages = sum(report.sent for report in reports)
    if alerts or skipped or messages:
        logger.info(
            "Budgets are evaluated",
            evaluated=results[0].evaluated,
            alerts=alerts,
            skipped=skipped,
            messages=messages,
        )


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


def _send_marks(now: datetime, has_time: Callable[[], bool]) -> Iterator[str]:
    """Send the marks of limits, where the gateway is on; returns in short what is not sent."""
    marks = mark_sender()
    if marks is None:
        return
    report = marks.send(now, has_time)
    if report.sent or report.expired:
        logger.info("Marks of limits", sent=report.sent, expired=report.expired)
    record_health({LIMITS_NEAR: report.sent, EXPIRED_MARKS: report.expired})
    for reason in report.failures:
        yield f"mark of a limit not sent: {reason}"


def _log_unevaluated(result: BudgetEvaluation) -> Iterator[str]:
    """Log the budgets that are not evaluated, and metrics; returns them in short."""
    for failed in result.failures:
        logger.error("A budget is not evaluated", budget=failed.name, exc_info=failed.error)
    for name in sorted({failed.name for failed in result.failures}):
        yield f"budget not evaluated: {name}"
    for failed in result.without_details:
        logger.error("Alerts have no details", budget=failed.name, exc_info=failed.error)
    for name in sorted({failed.name for failed in result.without_details}):
        yield f"alert sent without details: {name}"
    if result.unread is not None:
        logger.error("Forecasts are not made", exc_info=result.unread)
        yield f"forecasts not made: {result.unread}"
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
def mark_sender() -> LimitMarkSender | None:
    """Make the sender of marks, once per process; `None` where the gateway is off."""
    settings = Settings.from_environment(os.environ)
    if settings.limits_table is None:
        return None
    return make_mark_sender(
        limits_table=settings.limits_table,
        topic_arn=settings.topic_arn,
        dashboard_url=settings.dashboard_url,
    )


@cache
def brake_sender() -> BrakeEventSender:
    """Make the sender of the brake's events, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_brake_sender(
        settings, topic_arn=settings.topic_arn, dashboard_url=settings.dashboard_url
    )
