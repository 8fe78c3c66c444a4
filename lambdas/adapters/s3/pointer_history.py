"""Reads all versions of the pointer of price updates, for the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pydantic import ValidationError

from lambdas.adapters.refusals import error_code
from lambdas.domain.audit import PointerVersion
from lambdas.domain.pricing.editions import POINTER_KEY, PriceUpdates

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAX_BYTES = 32 * 1024 * 1024
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion"})


class S3PointerHistory:
    """Reads the versions of an object."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Read versions in a bucket.

        Args:
            client: An S3 client.
            bucket: The bucket of price editions, which has versions.
        """
        self._client = client
        self._bucket = bucket

    def list_versions(self) -> Iterator[PointerVersion]:
        """List versions, the newest first, page by page.

        S3 lists the versions of an object in this order:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/list-obj-version-enabled-bucket.html
        """
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=POINTER_KEY
        )
        for page in pages:
            versions = [
                PointerVersion(version["VersionId"], version["LastModified"])
                for version in page.get("Versions", ())
                if version["Key"] == POINTER_KEY
            ]
            deletions = [
                PointerVersion(marker["VersionId"], marker["LastModified"], is_deletion=True)
                for marker in page.get("DeleteMarkers", ())
                if marker["Key"] == POINTER_KEY
            ]
            yield from _merge(versions, deletions)

    def read_version(self, version: PointerVersion) -> PriceUpdates | None:
        """Read a version; `None` if it is a deletion, is gone, or is not a pointer."""
        if version.is_deletion:
            return None
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=POINTER_KEY, VersionId=version.id
            )
        except ClientError as error:
            if error_code(error) in _NOT_THERE:
                return None
            raise
        try:
            return PriceUpdates.model_validate_json(answer["Body"].read(_MAX_BYTES))
        except ValidationError:
            return None


def _merge(
    versions: list[PointerVersion], deletions: list[PointerVersion]
) -> Iterator[PointerVersion]:
    """Merge two lists that have the newest first; their times have whole seconds."""
    while versions and deletions:
        is_older = versions[0].written_at < deletions[0].written_at
        yield deletions.pop(0) if is_older else versions.pop(0)
    yield from (*versions, *deletions)
