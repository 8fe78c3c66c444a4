"""Settings of governance: exact counters, and what is built on them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.counters import CellMinutes
from lambdas.wiring.allowed_values import SettingsModel
from lambdas.wiring.environment import from_json_text

MAX_AUDIT_LOCK_DAYS = 36_500
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html"""


class AuditLock(StrEnum):
    """The protection of the audit trail's anchors by Object Lock.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    NONE = "none"
    GOVERNANCE = "governance"
    """They can be deleted with the permission `s3:BypassGovernanceRetention`."""
    COMPLIANCE = "compliance"
    """No one can delete them, nor shorten their retention."""


class GovernanceSettings(SettingsModel):
    """Settings that switch governance on.

    Attributes:
        governance: Count usage exactly, by hour and day.
        cell_minutes: The length of the short cells of these counters, in minutes.
        audit_lock: The protection of the audit trail's anchors.
        audit_lock_days: The days for which new anchors are protected.
    """

    governance: bool = False
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
    audit_lock: AuditLock = AuditLock.GOVERNANCE
    audit_lock_days: Annotated[
        int, BeforeValidator(from_json_text), Field(ge=1, le=MAX_AUDIT_LOCK_DAYS)
    ] = 400
