"""Sends a summary of the last week that has settled, unless it was sent before."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.functions.weekly_summarizer.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.summarize_week import WeekSummarizer
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.weekly_summarizer import make_summarizer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Send the summary, or raise: a part of a week would pass for the whole."""
    summary = summarizer().summarize(datetime.now(UTC), time_check(context))
    if summary is None:
        logger.info("Nothing to send: the summary was sent, or another run is sending it")
        return
    logger.info(
        "Weekly summary sent",
        week=summary.reported.name,
        calls=summary.week.invocations,
        unreadable_items=summary.unreadable_items,
    )


@cache
def summarizer() -> WeekSummarizer:
    """Make the summarizer, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_summarizer(
        settings,
        ledger_table=settings.ledger_table,
        retention_days=settings.ledger_retention_days,
        role_rollup_patterns=settings.role_rollup_patterns,
        topic_arn=settings.topic_arn,
        dashboard_url=settings.dashboard_url,
    )
