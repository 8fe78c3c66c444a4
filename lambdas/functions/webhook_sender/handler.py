"""Sends one delivery of an event to a receiver of webhooks."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.alarms import is_about_webhooks
from lambdas.domain.metrics.catalog import DELIVERED_WEBHOOKS, DISABLED_WEBHOOKS, FAILED_WEBHOOKS
from lambdas.functions.webhook_sender.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.deliver_webhook import SendOutcome, SendResult, WebhookSender
from lambdas.wiring.webhook_sender import make_sender, read_delivery_message

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_COUNTED = {
    SendResult.DELIVERED: DELIVERED_WEBHOOKS,
    SendResult.FAILED: FAILED_WEBHOOKS,
    SendResult.DISABLED: DISABLED_WEBHOOKS,
}


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Make the attempt of each message. One that cannot be read becomes a dead letter.

    Raise if a request of AWS fails, so that the message comes again.

    Returns:
        The partial batch response: the messages that are to stay in the queue.
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    stay = [record["messageId"] for record in event["Records"] if not _send(record)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in stay]}


def _send(record: dict[str, Any]) -> bool:
    """Send the delivery of a message, and say if the message could be read."""
    named = read_delivery_message(record["body"])
    if named is None:
        logger.error("A message names no delivery", message_id=record["messageId"])
        return False
    outcome = sender().send(named, datetime.now(UTC))
    logger.info("Webhook", webhook=named.webhook_id, event=named.event_id, result=outcome.result)
    if (metric := _COUNTED.get(outcome.result)) and not _is_known(outcome):
        record_health({metric: 1})
    return True


def _is_known(outcome: SendOutcome) -> bool:
    """True if a failure is of an event about failures: else each alarm would cause the next one."""
    delivery = outcome.delivery
    return (
        outcome.result is SendResult.FAILED
        and delivery is not None
        and is_about_webhooks(delivery.event)
    )


@cache
def sender() -> WebhookSender:
    """Make the sender, once per process."""
    return make_sender(Settings.from_environment(os.environ))
