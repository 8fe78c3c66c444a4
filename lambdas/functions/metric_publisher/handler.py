"""Turns the stream of the usage ledger into CloudWatch metrics."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.metric_publisher.settings import Settings
from lambdas.observability import log_request_id, record_health
from lambdas.services.publish_stream import StreamPublisher
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.metric_publisher import make_publisher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish what is new in a batch of the stream.

    Returns:
        The partial batch response: the first record that is to come again, with all after it.
        https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    outcome = publisher().publish(event["Records"], datetime.now(UTC), time_check(context))
    record_health(outcome.health)
    if outcome.first_unsent is None:
        return {"batchItemFailures": []}
    return {"batchItemFailures": [{"itemIdentifier": outcome.first_unsent}]}


@cache
def publisher() -> StreamPublisher:
    """Make the publisher, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_publisher(
        settings,
        stack_id=settings.stack_id,
        retention_days=settings.ledger_retention_days,
        caller_role=settings.caller_role,
    )
