"""Sources of tokens that invocation logs do not have, and the record of jobs that are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.unlogged.batch_jobs import BatchTokens, EndedBatchJob
from lambdas.domain.unlogged.unlogged_usage import MantleTokens


class UnloggedUsageUnavailableError(Exception):
    """A source could not be read. The text says which and why. There may be usage."""


class EndedBatchJobs(Protocol):
    """Batch jobs of the deployment's account and Region."""

    def list(self, start: datetime, end: datetime) -> Sequence[EndedBatchJob]:
        """List the jobs that ended in a period, in order of time; its end is not included.

        Raises:
            UnloggedUsageUnavailableError: They cannot be listed.
        """


class BatchManifests(Protocol):
    """Manifests in the output buckets that the settings name."""

    def is_readable(self, job: EndedBatchJob) -> bool:
        """Say if the manifest of a job would be in one of these buckets, without reading it."""

    def read(self, job: EndedBatchJob) -> BatchTokens | None:
        """Read the tokens of a job; `None` where its manifest cannot be read or has none."""


class CountedBatchJobs(Protocol):
    """The tokens of jobs, each counted once, by the job's ARN."""

    def read(self, arns: Iterable[str]) -> Mapping[str, BatchTokens]:
        """Read the tokens of those jobs that are counted."""

    def add(self, job: EndedBatchJob, tokens: BatchTokens) -> bool:
        """Add a job; `False` where it is counted, by this run or another one."""


class MantleMetrics(Protocol):
    """Bedrock's own metrics of `bedrock-mantle`."""

    def read(self, start: datetime, end: datetime) -> Sequence[MantleTokens]:
        """Read the tokens of a period by project and model, the most first.

        Raises:
            UnloggedUsageUnavailableError: They cannot be read.
        """
