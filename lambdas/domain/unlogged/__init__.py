"""Tokens that invocation logs do not have: of `bedrock-mantle` and of batch jobs.

They stand in series of their own, never in the ledger, nor under an identity or a project's calls.
"""

from lambdas.domain.unlogged.batch_jobs import (
    MANIFEST_NAME,
    MAX_JOB_DURATION,
    MAX_JOB_TOKENS,
    MAX_MANIFEST_BYTES,
    BatchTokens,
    EndedBatchJob,
    price_batch_job,
    read_manifest,
)
from lambdas.domain.unlogged.ports import (
    BatchManifests,
    CountedBatchJobs,
    EndedBatchJobs,
    MantleMetrics,
    UnloggedUsageUnavailableError,
)
from lambdas.domain.unlogged.reader import UnloggedUsageReader
from lambdas.domain.unlogged.unlogged_usage import (
    MAX_MANTLE_SERIES,
    MantleTokens,
    ReportedBatchJob,
    UnloggedUsage,
)

__all__ = [
    "MANIFEST_NAME",
    "MAX_JOB_DURATION",
    "MAX_JOB_TOKENS",
    "MAX_MANIFEST_BYTES",
    "MAX_MANTLE_SERIES",
    "BatchManifests",
    "BatchTokens",
    "CountedBatchJobs",
    "EndedBatchJob",
    "EndedBatchJobs",
    "MantleMetrics",
    "MantleTokens",
    "ReportedBatchJob",
    "UnloggedUsage",
    "UnloggedUsageReader",
    "UnloggedUsageUnavailableError",
    "price_batch_job",
    "read_manifest",
]
