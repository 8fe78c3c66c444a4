"""Adds deliveries of the events that a batch of messages holds."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.webhook_router.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.wiring.webhook_router import make_reader, make_router

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.adapters.received_events import EventReader
    from lambdas.services.route_events import EventRouter


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Route the events of each message; one that cannot be read becomes a dead letter.

    Returns:
        The partial batch response: the messages that are to stay in the queue.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    unread = [record["messageId"] for record in event["Records"] if not _route(record)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in unread]}
