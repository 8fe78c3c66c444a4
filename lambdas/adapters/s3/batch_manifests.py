"""Reads the manifests of batch jobs in the output buckets that the settings name."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import failure_code
from lambdas.domain.unlogged import (
    MAX_MANIFEST_BYTES,
    BatchTokens,
    EndedBatchJob,
    read_manifest,
)
from lambdas.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3BatchManifests:
    """Reads a bounded part of one object a job, whoever wrote it."""

    def __init__(self, client: S3Client, buckets: Collection[str]) -> None:
        """Read with an S3 client.

        Args:
            client: The client.
            buckets: The buckets that may be read.
        """
        self._client = client
        self._buckets = frozenset(buckets)

    def is_readable(self, job: EndedBatchJob) -> bool:
        """Say if the manifest of a job would be in one of the buckets, without reading it."""
        manifest = job.manifest
        return manifest is not None and manifest.bucket in self._buckets

    def read(self, job: EndedBatchJob) -> BatchTokens | None:
        """Read the tokens of a job; `None` where its manifest cannot be read or has none."""
        manifest = job.manifest
        if manifest is None or not self.is_readable(job):
            return None
        try:
            body = self._client.get_object(
                Bucket=manifest.bucket, Key=manifest.key, ExpectedBucketOwner=manifest.owner
            )["Body"]
            content = body.read(MAX_MANIFEST_BYTES + 1)
        except (BotoCoreError, ClientError) as error:
            reason = failure_code(error)
        else:
            body.close()
            tokens = read_manifest(content)
            if tokens is not None:
                return tokens
            reason = "it does not report the tokens"
        logger.info("The manifest of a batch job is not read", job=job.arn, reason=reason)
        return None
