"""Reads for reports what invocation logs do not have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from lambdas.domain.pricing import Pricing, Unpriced
from lambdas.domain.unlogged.batch_jobs import price_batch_job
from lambdas.domain.unlogged.ports import (
    CountedBatchJobs,
    EndedBatchJobs,
    MantleMetrics,
    UnloggedUsageUnavailableError,
)
from lambdas.domain.unlogged.unlogged_usage import ReportedBatchJob, UnloggedUsage

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class UnloggedUsageReader:
    """Reads each source; one that cannot be read is named, and stops no report.

    Attributes:
        mantle: The metrics of `bedrock-mantle`.
        jobs: Lists batch jobs.
        counted: Has their tokens.
    """

    mantle: MantleMetrics
    jobs: EndedBatchJobs
    counted: CountedBatchJobs

    def read(self, start: datetime, end: datetime, pricing: Pricing) -> UnloggedUsage:
        """Read the tokens of a period, and price its batch jobs."""
        unread: list[str] = []
        mantle = _unless_unavailable(lambda: self.mantle.read(start, end), unread)
        jobs = _unless_unavailable(lambda: self.jobs.list(start, end), unread)
        counted = self.counted.read([job.arn for job in jobs])
        reported = []
        for job in jobs:
            tokens = counted.get(job.arn)
            cost = Unpriced.NO_COUNTS if tokens is None else price_batch_job(job, tokens, pricing)
            reported.append(ReportedBatchJob(job, tokens, cost))
        return UnloggedUsage(tuple(mantle), tuple(reported), tuple(unread))


def _unless_unavailable(
    read: Callable[[], Sequence[_Found]], unread: list[str]
) -> Sequence[_Found]:
    try:
        return read()
    except UnloggedUsageUnavailableError as error:
        unread.append(str(error))
        return ()
