"""Stores anchors of the audit trail in a bucket with Object Lock, as names of objects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import error_code
from lambdas.domain.audit import AuditAnchor, FoundAnchors, name_hour, read_anchor, write_canonical
from lambdas.domain.audit.table import ANCHORS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EXISTS = "PreconditionFailed"


class _Marker(TypedDict, total=False):
    """The place after which a listing goes on."""

    KeyMarker: str
    VersionIdMarker: str


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

    def read(self, since: datetime | None = None) -> FoundAnchors:
        """Read all anchors from the names of all versions, from an hour on.

        A deletion of an object in a versioned bucket only hides it, so it is read nevertheless.
        """
        anchors, foreign = [], []
        for name in sorted(set(self._list(since))):
            anchor = read_anchor(name)
            if anchor is None:
                foreign.append(name)
            else:
                anchors.append(anchor)
        return FoundAnchors(anchors, foreign)

    def _list(self, since: datetime | None) -> Iterator[str]:
        marker: _Marker = {} if since is None else {"KeyMarker": name_hour(since)}
        while True:
            answer = self._client.list_object_versions(
                Bucket=self._bucket, Prefix=ANCHORS_PREFIX, **marker
            )
            yield from (version["Key"] for version in answer.get("Versions", ()))
            if not answer.get("IsTruncated"):
                return
            marker = {
                "KeyMarker": answer["NextKeyMarker"],
                "VersionIdMarker": answer["NextVersionIdMarker"],
            }
