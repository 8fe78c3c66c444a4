"""Notices that have no event type of their own, as events for webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from lambdas.domain.alerts.notifications import Notice
from lambdas.domain.events import EventScope, EventType, MeterEvent, make_event_id

NOTICE_DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""


class NoticeKind(StrEnum):
    """The subject of a notice, in the detail of its event."""

    LOGGING_DRIFT = "logging_drift"
    """Invocation logging or the meter differs from what was deployed, or does no longer."""
    COVERAGE = "coverage"
    """Calls that Bedrock has counted and the meter has not, or none any more."""
    USAGE_MISMATCH = "usage_mismatch"
    """Counts that differ from Bedrock's, or agree again."""
    UNMETERED_REGION = "unmetered_region"
    BATCH_JOB = "batch_job"
    ASYNC_INVOCATIONS = "async_invocations"
    SERVICE_TIER = "service_tier"


def add_event(
    notice: Notice,
    kind: NoticeKind,
    *cause: str,
    at: datetime,
    scope: EventScope | None = None,
) -> Notice:
    """Add the event of a notice.

    Args:
        notice: The notice.
        kind: Its subject.
        *cause: Texts that together no other notice of this kind has.
        at: The time.
        scope: The usage that it concerns.
    """
    return replace(notice, events=(make_notice_event(notice, kind, cause, at, scope),))


def make_notice_event(
    notice: Notice,
    kind: NoticeKind,
    cause: Sequence[str],
    at: datetime,
    scope: EventScope | None = None,
) -> MeterEvent:
    """Make the event of a notice; see `add_event`."""
    return MeterEvent(
        id=make_event_id(EventType.METER_NOTICE, kind, *cause),
        type=EventType.METER_NOTICE,
        at=at,
        title=notice.subject,
        text=notice.text,
        scope=scope or {},
        detail={"version": NOTICE_DETAIL_VERSION, "kind": kind.value},
    )
