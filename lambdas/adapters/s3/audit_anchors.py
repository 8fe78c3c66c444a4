"""Stores anchors of the audit trail in a bucket with Object Lock, as names of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import error_code
from lambdas.domain.audit import (
    AnchorLock,
    AuditAnchor,
    FoundAnchors,
    name_day,
    name_hour,
    read_anchor,
    write_canonical,
)
from lambdas.domain.audit.table import ANCHORS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EXISTS = "PreconditionFailed"
_NOT_FOUND = "404"


class S3AuditAnchors:
    """Stores an object for each anchor. The retention is the bucket's default."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Store anchors in a bucket.

        Args:
            client: An S3 client.
            bucket: The bucket, which has versions.
        """
        self._client = client
        self._bucket = bucket

    def write(self, anchor: AuditAnchor) -> None:
        """Store an anchor; one that is there already stays.

        A put into a locked bucket needs a checksum:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
        """
        document = {
            "hour": anchor.hour.isoformat(),
            "sequence": anchor.head.sequence,
            "hash": anchor.head.hash,
        }
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=anchor.name,
                Body=write_canonical(document).encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) != _EXISTS:
                raise

    def read_all(self) -> FoundAnchors:
        """Read all anchors from the names of all versions.

        A deletion of an object in a versioned bucket only hides it, so it is read nevertheless.
        """
        return _read(self._list(ANCHORS_PREFIX))

    def read_recent(self, since: datetime, now: datetime) -> FoundAnchors:
        """Read the anchors from one hour to another."""
        days = {name_day(since), name_day(now)}
        names = [name for day in days for name in self._list(day)]
        return _read(name for name in names if name >= name_hour(since))

    def read_lock(self, anchor: AuditAnchor) -> AnchorLock | None:
        """Read the retention of an anchor.

        S3 leaves it out for a caller without `s3:GetObjectRetention`:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        """
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=anchor.name)
        except ClientError as error:
            if error_code(error) == _NOT_FOUND:
                return None
            raise
        if "ObjectLockMode" not in found:
            return None
        return AnchorLock(found["ObjectLockMode"], found["ObjectLockRetainUntilDate"])

    def _list(self, prefix: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        return (version["Key"] for page in pages for version in page.get("Versions", ()))


def _read(names: Iterable[str]) -> FoundAnchors:
    anchors, foreign = [], []
    for name in sorted(set(names)):
        anchor = read_anchor(name)
        if anchor is None:
            foreign.append(name)
        else:
            anchors.append(anchor)
    return FoundAnchors(anchors, foreign)
