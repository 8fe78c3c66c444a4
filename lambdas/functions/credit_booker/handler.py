"""Books usage against credits, and sends alerts of credits that are low or exhausted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.metrics.catalog import CREDIT_DELAYS, CREDIT_MISMATCH, HealthMetric
from lambdas.functions.credit_booker.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.book_credits import BookingReport, CreditBooker
from lambdas.services.send_credit_alerts import CreditAlertSender, CreditSendReport
from lambdas.services.watch_credits import CreditWatcher, CreditWatchReport
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.credit_booker import make_booker, make_sender, make_watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MAX_WAIT = timedelta(minutes=30)
"""The time after which usage that waits to be booked is reported as late."""


class CreditRunError(Exception):
    """A part of a run failed: booking, metrics or alerts. The text has all that did."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Book usage and expiries, store what follows from them, and send alerts that are due.

    A part that fails stops no other part.

    Raises:
        CreditRunError: A part failed. What it left is done by another run. The log has the errors.
    """
    books, watch, outbox = booker(), watcher(), sender()
    now, has_time, problems = datetime.now(UTC), time_check(context), list[str]()
    health = dict[HealthMetric, float]()
    with _isolate("usage not booked", problems):
        booked = books.book(now, has_time)
        _log_booking(booked)
        is_late = booked.waiting_since is not None and now - booked.waiting_since > MAX_WAIT
        health[CREDIT_DELAYS] = int(is_late)
        health[CREDIT_MISMATCH] = len(booked.failed + booked.mismatches + booked.unreadable)
    with _isolate("alerts not made", problems):
        watched = watch.watch(now)
        problems += _log_watching(watched)
        health[CREDIT_MISMATCH] = health.get(CREDIT_MISMATCH, 0) + _count_mismatches(watched)
    with _isolate("alerts not sent", problems):
        sent = outbox.send(now, has_time)
        problems += _log_unsent(sent)
    record_health(health)
    if problems:
        raise CreditRunError("; ".join(dict.fromkeys(problems)))


@contextmanager
def _isolate(part: str, problems: list[str]) -> Iterator[None]:
    """Let an error of a part stop that part alone, and note it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the handler raises it after the other parts
        logger.error("A part of the run failed", exc_info=error, part=part)
        problems.append(f"{part}: {type(error).__name__}")


def _log_booking(report: BookingReport) -> None:
    """Log what was booked, and what was not."""
    if report.entries:
        logger.info("Usage is booked on credits", entries=len(report.entries))
    for hour in report.failed:
        logger.error("Cells of an hour cannot be booked on credits", hour=hour.isoformat())
    for hour in report.mismatches:
        logger.error("Booked cost differed from counted cost", hour=hour.isoformat())
    for name in report.unreadable:
        logger.error("A grant of credits cannot be read", grant=name)
    if report.reason is not None:
        logger.warning("Credits are not booked completely", reason=report.reason)


def _count_mismatches(report: CreditWatchReport) -> int:
    """Count what does not fit: grants, alerts, and entries that cannot be read."""
    return len(report.differing) + len(report.removed) + (report.unreadable is not None)


def _log_watching(report: CreditWatchReport) -> Iterator[str]:
    """Log new alerts and what does not fit; returns in short what failed."""
    if report.alerts:
        logger.info("Credits are low or exhausted", alerts=report.alerts)
    for name in report.differing:
        logger.error("The balance of a grant is not the sum of its entries", grant=name)
    for key in report.removed:
        logger.error("An alert of credits could not be read, and is made again", alert=key)
    if report.unreadable is not None:
        logger.error("Entries of credits cannot be read", reason=report.unreadable)
        yield f"alerts not made: {report.unreadable}"
    if report.unpublished is not None:
        logger.error("Metrics of credits are not published", reason=report.unpublished)
        yield f"metrics not published: {report.unpublished}"


def _log_unsent(report: CreditSendReport) -> Iterator[str]:
    """Log the alerts that are sent and those that are not; returns these in short."""
    if report.sent:
        logger.info("Alerts of credits are sent", messages=report.sent)
    for error in report.errors:
        logger.error("An alert of credits is not sent", exc_info=error)
    for reason in [*report.failures, *(type(error).__name__ for error in report.errors)]:
        yield f"alert not sent: {reason}"


@cache
def booker() -> CreditBooker:
    """Make the booker, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_booker(settings, ledger_retention_days=settings.ledger_retention_days)


@cache
def watcher() -> CreditWatcher:
    """Make the watcher, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_watcher(settings, low_percent=settings.low_percent)


@cache
def sender() -> CreditAlertSender:
    """Make the sender, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_sender(settings, topic_arn=settings.topic_arn, dashboard_url=settings.dashboard_url)
