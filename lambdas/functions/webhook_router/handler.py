"""Adds deliveries of the events that a batch of messages holds."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.webhook_router.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.wiring.webhook_router import RejectedRecord, make_router, make_topic, read_record

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.adapters.received_events import OwnTopic
    from lambdas.services.route_events import EventRouter


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Route the events of each message. One that cannot be read becomes a dead letter.

    Raise if a store or the queue fails, so that the whole batch comes again: what is added stays
    once.

    Returns:
        The partial batch response: the messages that are to stay in the queue.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    unread = [record["messageId"] for record in event["Records"] if not _route(record)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in unread]}


def _route(record: dict[str, Any]) -> bool:
    """Route the events of a message, and say if it could be read."""
    found = read_record(record, topic())
    if isinstance(found, RejectedRecord):
        logger.error("A message holds no event", message_id=found.message_id, reason=found.reason)
        return False
    report = router().route(found, datetime.now(UTC))
    if report.added or report.repeated:
        logger.info("Webhooks", added=report.added, repeated=report.repeated)
    return True


@cache
def router() -> EventRouter:
    """Make the router, once per process."""
    return make_router(Settings.from_environment(os.environ))


@cache
def topic() -> OwnTopic:
    """Make the topic whose messages are the meter's, once per process."""
    return make_topic(Settings.from_environment(os.environ))
