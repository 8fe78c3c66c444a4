"""Changes of settings in the audit trail, which a deployment makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lambdas.domain.audit.entry import (
    AuditAction,
    AuditedChange,
    Json,
    hash_text,
    write_canonical,
)
from lambdas.domain.change_marks import DEPLOYMENT

if TYPE_CHECKING:
    from datetime import datetime

CONTRACTED_PRICES = "contracted_prices"
BRAKE_SETTINGS = "brake_settings"
"""The subjects of these changes."""


class AuditedSetting(NamedTuple):
    """A setting, or several that change as one.

    Attributes:
        subject: The subject of its changes.
        action: The kind of its changes.
        default: The state before the first entry.
        state: The state that is deployed now.
    """

    subject: str
    action: AuditAction
    default: Json
    state: Json


def describe_setting_change(
    setting: AuditedSetting, last: AuditedChange | None, last_sequence: int, now: datetime
) -> AuditedChange | None:
    """Describe a change of a setting.

    Args:
        setting: The setting, with ids in place of people.
        last: The last entry on it.
        last_sequence: Its place in the chain; 0 without one.
        now: The time.

    Returns:
        The change; `None` if the setting is as the last entry has it.
    """
    before = setting.default if last is None else last.after
    if before == setting.state:
        return None
    digest = hash_text(write_canonical(setting.state))
    return AuditedChange(
        source=f"{setting.subject}/{last_sequence}/{digest}",
        changed_at=now,
        changed_by=DEPLOYMENT,
        action=setting.action,
        subject=setting.subject,
        before=before,
        after=setting.state,
    )
