"""The state of the audit trail, as `make doctor` reports it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lambdas.domain.audit import AuditAnchor, name_day, read_anchor

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAX_AGE = timedelta(hours=3)  # an anchor is named by the beginning of its hour
_RUN_BY_HAND = "the log of AuditWriter has the reason."


class AuditReport(NamedTuple):
    """The state of the audit trail.

    Attributes:
        is_late: True if the last anchor is older than it should be.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_audit_state(s3: S3Client, bucket: str, created_at: datetime, now: datetime) -> AuditReport:
    """Read the last anchor of today or yesterday, which has the number of entries.

    Args:
        s3: An S3 client.
        bucket: The bucket of anchors.
        created_at: The time from which on the audit trail is written.
        now: The time.
    """
    found = _find_last(s3, bucket, now)
    if found is None:
        if now - created_at < _MAX_AGE:
            return AuditReport(is_late=False, text="No anchor yet: the first one comes in an hour.")
        return AuditReport(is_late=True, text=f"No anchor since yesterday: {_RUN_BY_HAND}")
    count, is_late = found.head.sequence, now - found.hour > _MAX_AGE
    text = (
        f"{count:,} {'entry' if count == 1 else 'entries'} at {found.hour:%Y-%m-%d %H:00} UTC, the"
        f" last anchor. bedrock-meter audit verify checks them."
    )
    return AuditReport(is_late, f"{text} It is late: {_RUN_BY_HAND}" if is_late else text)


def _find_last(s3: S3Client, bucket: str, now: datetime) -> AuditAnchor | None:
    for day in (now, now - timedelta(days=1)):
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=name_day(day))
        names = sorted((entry["Key"] for entry in answer.get("Contents", ())), reverse=True)
        for anchor in map(read_anchor, names):
            if anchor is not None:
                return anchor
    return None
