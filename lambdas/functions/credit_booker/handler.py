"""Books usage against credits, and sends alerts of credits that are low or exhausted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from lambdas.domain.metrics.catalog import CREDIT_DELAYS, CREDIT_MISMATCH
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
    """A part of a run failed: metrics or alerts. The text has all that did."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Book usage and expiries, store what follows from them, and send alerts that are due.

    Raises:
        CreditRunError: Alerts or metrics were not delivered, and stay due. The log has the errors.
    """
    now, has_time = datetime.now(UTC), time_check(context)
    booked = booker().book(now, has_time)
    _log_booking(booked)
    watched = watcher().watch(now)
    sent = sender().send(now, has_time)
    if watched.alerts or sent.sent:
        logger.info("Credits are low or exhausted", alerts=watched.alerts, messages=sent.sent)
    is_late = booked.waiting_since is not None and now - booked.waiting_since > MAX_WAIT
    record_health(
        {CREDIT_DELAYS: int(is_late), CREDIT_MISMATCH: _count_mismatches(booked, watched)}
    )
    problems = [*_log_watching(watched), *_log_unsent(sent)]
    if problems:
        raise CreditRunError("; ".join(dict.fromkeys(problems)))


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


def _count_mismatches(booked: BookingReport, watched: CreditWatchReport) -> int:
    """Count what does not fit: booked hours, grants and alerts."""
    return (
        len(booked.failed)
        + len(booked.mismatches)
        + len(booked.unreadable)
        + len(watched.differing)
        + len(watched.removed)
        + (watched.unreadable is not None)
    )


def _log_watching(report: CreditWatchReport) -> Iterator[str]:
    """Log what does not fit; returns in short what failed."""
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
    """Log the alerts that are not sent; returns them in short."""
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
