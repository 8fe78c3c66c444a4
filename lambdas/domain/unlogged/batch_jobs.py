"""Batch jobs that have ended: their manifests, their tokens and their cost."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from lambdas.domain.invocations import CallVariant, TokenCounts, foundation_model_id
from lambdas.domain.pricing import BATCH_TIER, Cost, Pricing, Unpriced
from lambdas.domain.pricing.cost import add_up
from lambdas.domain.pricing.price_entry import find_entry

MANIFEST_NAME: Final = "manifest.json.out"
"""The last part of the key of a job's manifest. Source:
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html"""
MAX_MANIFEST_BYTES: Final = 64 * 1024
"""A manifest has some hundred bytes. A larger one is not read."""
MAX_JOB_DURATION: Final = timedelta(days=8)
"""The time from submission to end: the longest timeout is seven days. Source:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html"""
MAX_JOB_TOKENS: Final = 10**12
"""No manifest counts that reports more: 100,000 records, each with a context of ten million tokens.
A job has up to 50,000 records unless AWS raises the quota. Source:
https://docs.aws.amazon.com/general/latest/gr/bedrock.html"""
_MAX_KEY_LENGTH = 1024
_LOCATION = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")


class ManifestLocation(NamedTuple):
    """The S3 object of a manifest.

    Attributes:
        bucket: Its bucket.
        key: Its key.
        owner: The account that has to own the bucket: the job's. The owner that a job names is not
            used: whoever creates a job chooses it.
    """

    bucket: str
    key: str
    owner: str


class BatchTokens(NamedTuple):
    """The tokens of a batch job, as its manifest has them.

    Attributes:
        input: Input tokens.
        output: Output tokens.
    """

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class EndedBatchJob:
    """A batch job that has ended, as Bedrock lists it.

    Attributes:
        arn: Its ARN, which identifies it.
        invoked_model: The model or inference profile that it calls.
        ended_at: The time at which it ended, UTC.
        output_uri: The S3 location of its output.
    """

    arn: str
    invoked_model: str
    ended_at: datetime
    output_uri: str

    @property
    def model_id(self) -> str:
        """The foundation model, or `<kind>/<id>` where what is called hides it."""
        return foundation_model_id(self.invoked_model)

    @property
    def region(self) -> str:
        """The Region of the job."""
        return self.arn.split(":")[3]

    @property
    def manifest(self) -> ManifestLocation | None:
        """The location of the manifest; `None` where the output location is not one in S3."""
        found = _LOCATION.fullmatch(self.output_uri)
        if found is None:
            return None
        prefix = (found["prefix"] or "").strip("/")
        job_id = self.arn.rpartition("/")[2]
        key = "/".join(filter(None, (prefix, job_id, MANIFEST_NAME)))
        if len(key) > _MAX_KEY_LENGTH:
            return None
        return ManifestLocation(found["bucket"], key, self.arn.split(":")[4])


def read_manifest(content: bytes) -> BatchTokens | None:
    """Read the tokens of a manifest; `None` where it does not report both counts.

    Whoever may write to the bucket can write anything there.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        return None
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    counts = [manifest.get(name) for name in ("inputTokenCount", "outputTokenCount")]
    known = [count for count in counts if type(count) is int and 0 <= count <= MAX_JOB_TOKENS]
    return BatchTokens(*known) if len(known) == len(counts) else None


def price_batch_job(job: EndedBatchJob, tokens: BatchTokens, pricing: Pricing) -> Cost | Unpriced:
    """Price a job at batch prices. Without one of its model it has no cost: it is not free.

    A manifest does not say how large each request was: prices of large requests are not applied.
    """
    variant = CallVariant(job.model_id, job.invoked_model, BATCH_TIER)
    entry = find_entry(pricing, variant, job.ended_at.date(), job.region)
    lines = entry.token_lines(TokenCounts(tokens.input, tokens.output), (), 0)
    if isinstance(lines, Unpriced):
        return lines
    return add_up(
        lines, contracted=entry.contracted, edition=pricing.book.edition, variant=entry.variant
    )
