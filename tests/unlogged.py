"""Usage outside the logs, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lambdas.domain.unlogged import (
    BatchTokens,
    EndedBatchJob,
    MantleTokens,
    UnloggedUsageUnavailableError,
)
from tests.builders import HAIKU_3, NOON

ACCOUNT = "111122223333"
JOBS = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-invocation-job"
BUCKET = "batch-results"


def batch_job(
    job_id: str = "abcdefghwxyz",
    *,
    ended_at: datetime = NOON,
    model: str = HAIKU_3,
    output_uri: str = f"s3://{BUCKET}/nightly/",
    account: str = ACCOUNT,
) -> EndedBatchJob:
    """Make a job that has ended."""
    arn = f"{JOBS}/{job_id}".replace(ACCOUNT, account)
    return EndedBatchJob(arn, model, ended_at, output_uri)


class InMemoryBatchJobs(list[EndedBatchJob]):
    """Batch jobs of one Region."""

    is_denied = False

    def list(self, start: datetime, end: datetime) -> Sequence[EndedBatchJob]:
        if self.is_denied:
            message = "batch jobs cannot be listed: AccessDenied"
            raise UnloggedUsageUnavailableError(message)
        found = (job for job in self if start <= job.ended_at < end)
        return sorted(found, key=lambda job: (job.ended_at, job.arn))


class InMemoryManifests(dict[str, BatchTokens]):
    """The tokens of jobs, by ARN; the jobs whose manifests were read are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def is_readable(self, job: EndedBatchJob) -> bool:
        return job.manifest is not None and job.manifest.bucket == BUCKET

    def read(self, job: EndedBatchJob) -> BatchTokens | None:
        self.asked.append(job.arn)
        return self.get(job.arn)


class InMemoryCountedBatchJobs:
    """Counted jobs in a dictionary."""

    def __init__(self, counted: Mapping[str, BatchTokens] | None = None) -> None:
        self.counted = dict(counted or {})

    def read(self, arns: Iterable[str]) -> Mapping[str, BatchTokens]:
        return {arn: self.counted[arn] for arn in arns if arn in self.counted}

    def add(self, job: EndedBatchJob, tokens: BatchTokens) -> bool:
        is_new = job.arn not in self.counted
        self.counted.setdefault(job.arn, tokens)
        return is_new


class InMemoryMantleMetrics(list[MantleTokens]):
    """The tokens of `bedrock-mantle` in every period."""

    is_denied = False

    def read(self, start: datetime, end: datetime) -> Sequence[MantleTokens]:  # noqa: ARG002
        if self.is_denied:
            message = "the metrics of bedrock-mantle cannot be read: AccessDenied"
            raise UnloggedUsageUnavailableError(message)
        return self
