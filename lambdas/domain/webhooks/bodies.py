"""The bodies of requests, in the form that each receiver wants."""

from __future__ import annotations

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks.body_text import Origin
from lambdas.domain.webhooks.slack_message import write_slack_message
from lambdas.domain.webhooks.standard_payload import write_standard_payload
from lambdas.domain.webhooks.subscription import WebhookFormat, WebhookSubscription
from lambdas.domain.webhooks.templates import render_template


def write_body(subscription: WebhookSubscription, event: MeterEvent, origin: Origin) -> bytes:
    """Write the body of an event for a receiver: JSON in UTF-8, of at most 20 KB."""
    match subscription.format:
        case WebhookFormat.STANDARD:
            return write_standard_payload(event, origin)
        case WebhookFormat.SLACK:
            return write_slack_message(event, origin)
        case WebhookFormat.TEMPLATE:
            return render_template(subscription.template or "", event, origin)
