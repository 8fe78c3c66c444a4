"""Settings of governance: exact counters, and what is built on them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from cdk.config.setting_types import EachOnce, Words
from lambdas.domain.brake import OverflowMode
from lambdas.domain.counters import CellMinutes
from lambdas.wiring.allowed_values import SettingsModel, allowed, check
from lambdas.wiring.brake_settings import MAX_DENIED, PrincipalPattern
from lambdas.wiring.environment import from_json_text

MAX_AUDIT_LOCK_DAYS = 36_500
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html"""
MAX_EXEMPT = 8
"""The patterns that the inline policy of `brake_controller` has room for, each with its paths."""


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
        brake: Deploy the functions that deny callers whose budgets are used up.
        brake_sessions: Deny single sessions of tagged roles.
        brake_overflow: What happens to sessions that the policies of their role have no room for.
        brake_exempt: Patterns of principals that are never denied.
        brake_max_denied: The number of callers that are denied at once without an alarm.
    """

    governance: bool = False
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
    audit_lock: AuditLock = AuditLock.GOVERNANCE
    audit_lock_days: Annotated[
        int, BeforeValidator(from_json_text), Field(ge=1, le=MAX_AUDIT_LOCK_DAYS)
    ] = 400
    brake: bool = False
    brake_sessions: bool = False
    brake_overflow: OverflowMode = OverflowMode.ROLE
    brake_exempt: Annotated[
        tuple[PrincipalPattern, ...],
        EachOnce,
        Words,
        allowed(f"at most {MAX_EXEMPT} patterns", lambda found: len(found) <= MAX_EXEMPT),
    ] = ()
    brake_max_denied: Annotated[int, Field(ge=1)] = MAX_DENIED

    @model_validator(mode="after")
    def _builds_on_what_is_on(self) -> Self:
        check("brake", "true only with governance", is_so=self.governance or not self.brake)
        check("brake_sessions", "true only with brake", is_so=self.brake or not self.brake_sessions)
        return self
