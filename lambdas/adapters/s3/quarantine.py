"""Stores rejected records in S3, as JSON lines: reason, place, and content without bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lambdas.domain.invocations import Delivery, RejectedRecord
from lambdas.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "rejected/"


class S3Quarantine:
    """Keeps the rejected records of a delivery, or a part, in an object, however often it comes."""

    def __init__(
        self, open_client: Callable[[], S3Client], bucket: str, delivery: Delivery
    ) -> None:
        """Store records in a bucket.

        Args:
            open_client: Gives an S3 client. Most deliveries need none, and making one takes time.
            bucket: The quarantine bucket.
            delivery: The delivery that the records come from.
        """
        self._open_client = open_client
        self._bucket = bucket
        self._delivery = delivery

    def store(self, rejected: Sequence[RejectedRecord]) -> None:
        """Store records, and log their number."""
        lines = [json.dumps(entry) for entry in self._delivery.describe(rejected)]
        self._open_client().put_object(
            Bucket=self._bucket,
            Key=f"{PREFIX}{self._delivery.name}.jsonl",
            Body="\n".join(lines).encode(),
            ContentType="application/jsonl",
        )
        logger.warning(
            "Records could not be counted; the quarantine bucket has each with its reason",
            source=self._delivery.source,
            rejected=len(rejected),
        )
