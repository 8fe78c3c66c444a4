"""Counts the tokens of batch jobs, each job once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from lambdas.domain.invocations import is_foundation_model
from lambdas.domain.metrics import OTHER_MODELS
from lambdas.domain.metrics.catalog import BATCH_INPUT_TOKENS, BATCH_OUTPUT_TOKENS
from lambdas.domain.unlogged import (
    MAX_JOB_DURATION,
    BatchManifests,
    CountedBatchJobs,
    EndedBatchJob,
    EndedBatchJobs,
    UnloggedUsageUnavailableError,
)
from lambdas.observability import logger, record_model_usage

MAX_JOBS_PER_RUN = 500
"""Jobs whose manifests one run reads. If there are more, each run takes others."""


@dataclass(frozen=True, slots=True)
class BatchJobCounter:
    """Counts jobs that have ended.

    A job is written before its metrics are published, so that no run publishes them again. A job
    whose manifest cannot be read is tried again in each run, until it is no longer listed.

    Attributes:
        jobs: Lists jobs.
        manifests: Reads their tokens.
        counted: Has the jobs that are counted.
    """

    jobs: EndedBatchJobs
    manifests: BatchManifests
    counted: CountedBatchJobs

    def count(self, now: datetime) -> None:
        """Count the jobs that have ended since the longest time that a job can take."""
        try:
            ended = self.jobs.list(now - MAX_JOB_DURATION, now)
        except UnloggedUsageUnavailableError as error:
            logger.warning("Batch jobs were not counted; the next run tries again", reason=error)
            return
        readable = [job for job in ended if self.manifests.is_readable(job)]
        counted = self.counted.read([job.arn for job in readable])
        new = _shuffle((job for job in readable if job.arn not in counted), now)
        if len(new) > MAX_JOBS_PER_RUN:
            logger.warning(
                "More batch jobs than one run reads; the next runs read the others",
                left=len(new) - MAX_JOBS_PER_RUN,
            )
        for job in new[:MAX_JOBS_PER_RUN]:
            tokens = self.manifests.read(job)
            if tokens is not None and self.counted.add(job, tokens):
                record_model_usage(
                    # Profiles hide their model, and an account can have any number of them.
                    job.model_id if is_foundation_model(job.model_id) else OTHER_MODELS,
                    {BATCH_INPUT_TOKENS: tokens.input, BATCH_OUTPUT_TOKENS: tokens.output},
                    job.ended_at,
                )


def _shuffle(jobs: Iterable[EndedBatchJob], now: datetime) -> Sequence[EndedBatchJob]:
    """Order jobs by chance, in another order at each time.

    Any number of jobs may have no manifest. In this order they delay the others and cannot hide
    them.
    """
    return sorted(jobs, key=lambda job: sha256(f"{now.isoformat()} {job.arn}".encode()).digest())
