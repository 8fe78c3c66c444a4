"""Checks that the log group masks secrets in logged prompts, where the settings say so."""

from __future__ import annotations

from typing import Any

from cdk.operations.masking_samples import MASKING_MARKER, find_masking_errors, masking_prompt
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.model_calls import converse
from cdk.operations.verification.verified_meter import VerifiedMeter


def check_masking(meter: VerifiedMeter) -> str:
    """Send made-up secrets to the model, and read the log record of that call."""
    if not meter.config.is_content_masked:
        message = "content is not logged and masked: set log_content (SET='-c log_content=true')"
        raise CheckSkippedError(message)
    client: Any = meter.session.client("bedrock-runtime")
    converse(client, meter.calls.model, masking_prompt())
    logs = meter.session.client("logs")

    def look() -> str | None:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=meter.deployment.metered_log_group,
            startTime=int(meter.started_at.timestamp() * 1000),
        )
        messages = (event["message"] for page in pages for event in page["events"])
        return next((message for message in messages if MASKING_MARKER in message), None)

    record = meter.waiting.until(look)
    if record is None:
        message = "the log group has no record of the call with made-up secrets"
        raise CheckFailedError(message)
    if errors := list(find_masking_errors(record)):
        raise CheckFailedError("; ".join(errors))
    return "all made-up secrets are masked, and nothing else is"
