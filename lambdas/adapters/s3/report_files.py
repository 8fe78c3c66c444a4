"""Stores files of reports in S3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TYPES = {
    ".gz": "application/gzip",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".txt": "text/plain; charset=utf-8",
}


class S3ReportFiles:
    """An object each, of at most 5 GB: it is there when all of it is."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Store files in a bucket."""
        self._client = client
        self._bucket = bucket

    def store(self, file: Path, name: str) -> None:
        """Store a file, in place of one with the same name.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
        """
        with file.open("rb") as content:
            self._client.put_object(
                Bucket=self._bucket, Key=name, Body=content, ContentType=_TYPES[file.suffix]
            )
