"""Signs what is sent, as Standard Webhooks has it. Only the sender imports the library."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def sign(body: bytes, event_id: str, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    """Make the headers by which a receiver knows that a body is the meter's, and new.

    Args:
        body: The body, in UTF-8.
        event_id: The id of the event, which is the same in each attempt.
        secrets: The secrets; there is a signature for each.
        now: The time of the attempt.
    """
    moment = now.astimezone(UTC)  # the library takes any time for one in UTC
    text = body.decode()
    signatures = [Webhook(secret).sign(event_id, moment, text) for secret in secrets]
    return {
        ID_HEADER: event_id,
        TIMESTAMP_HEADER: str(int(moment.timestamp())),
        SIGNATURE_HEADER: " ".join(signatures),
    }
