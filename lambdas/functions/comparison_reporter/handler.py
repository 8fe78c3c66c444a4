"""Compares models on the calls of the last whole week, and says where money is lost."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.functions.comparison_reporter.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.compare_models import ModelComparer
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.comparison_reporter import make_comparer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_RESERVED_FOR_CALLS_MS = 5 * 60_000
"""The time that is reserved for comparing the calls after requests were read."""


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Write the report, or raise: a part of a week would pass for the whole."""
    written = comparer().report(
        datetime.now(UTC), time_check(context), time_check(context, _RESERVED_FOR_CALLS_MS)
    )
    coverage = written.report.coverage
    logger.info(
        "Models compared",
        week=written.week,
        calls=coverage.calls,
        outlined_calls=coverage.outlined_calls,
    )
    if written.requests_unread is not None:
        logger.warning("Not all requests were looked at", reason=written.requests_unread)


@cache
def comparer() -> ModelComparer:
    """Make the comparer, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_comparer(
        settings,
        ledger_table=settings.ledger_table,
        report_bucket=settings.report_bucket,
        content_log_group=settings.content_log_group,
    )
