"""The tokens of a period that no invocation log has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from lambdas.domain.pricing import Cost, Unpriced
from lambdas.domain.unlogged.batch_jobs import BatchTokens, EndedBatchJob

MAX_MANTLE_SERIES: Final = 200
"""The pairs of project and model of `bedrock-mantle` that a report reads: each metric costs money.
The rest is one sum."""


class MantleTokens(NamedTuple):
    """Tokens through `bedrock-mantle`, by Bedrock's own metrics.

    Attributes:
        project: The project of `bedrock-mantle`, which the caller chooses, not a project of the
            meter; `__other__` for what is in no series that was read.
        model: The model, by its name in CloudWatch.
        input: Input tokens; `None` where Bedrock reports none, never because they are in another
            row.
        output: Output tokens, likewise.
    """

    project: str
    model: str
    input: int | None
    output: int | None


class ReportedBatchJob(NamedTuple):
    """A batch job in a report.

    Attributes:
        job: The job.
        tokens: Its tokens; `None` where its manifest is not read: that is not zero.
        cost: Its cost, or the reason why it is not known.
    """

    job: EndedBatchJob
    tokens: BatchTokens | None
    cost: Cost | Unpriced


@dataclass(frozen=True, slots=True)
class UnloggedUsage:
    """The tokens of a period that no invocation log has.

    Attributes:
        mantle: Tokens through `bedrock-mantle`, the most first.
        batch_jobs: The batch jobs that ended in the period, in order of time.
        unread: The reasons why a part is missing.
    """

    mantle: tuple[MantleTokens, ...] = ()
    batch_jobs: tuple[ReportedBatchJob, ...] = ()
    unread: tuple[str, ...] = ()
