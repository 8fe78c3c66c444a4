"""Reports list what logs do not have; a source that cannot be read stops no report."""

from datetime import timedelta

from lambdas.domain.pricing import PriceBook, Pricing, Unpriced
from lambdas.domain.unlogged import (
    BatchTokens,
    MantleTokens,
    ReportedBatchJob,
    UnloggedUsage,
    UnloggedUsageReader,
)
from tests.builders import NOON
from tests.unlogged import (
    InMemoryBatchJobs,
    InMemoryCountedBatchJobs,
    InMemoryMantleMetrics,
    batch_job,
)

WEEK = timedelta(days=7)
PRICING = Pricing(PriceBook([]))
MANTLE = MantleTokens("default", "openai.gpt-oss-120b", 1200, None)


def test_jobs_of_the_period_are_listed_with_their_counted_tokens() -> None:
    counted, uncounted = batch_job("counted"), batch_job("uncounted", ended_at=NOON + WEEK / 2)
    jobs = InMemoryBatchJobs([batch_job("later", ended_at=NOON + WEEK), uncounted, counted])
    tokens = BatchTokens(10, 0)
    reader = UnloggedUsageReader(
        InMemoryMantleMetrics([MANTLE]), jobs, InMemoryCountedBatchJobs({counted.arn: tokens})
    )
    assert reader.read(NOON, NOON + WEEK, PRICING) == UnloggedUsage(
        (MANTLE,),
        (
            ReportedBatchJob(counted, tokens, Unpriced.NO_PRICE),
            ReportedBatchJob(uncounted, None, Unpriced.NO_COUNTS),
        ),
    )


def test_unreadable_sources_are_named() -> None:
    mantle, jobs = InMemoryMantleMetrics([MANTLE]), InMemoryBatchJobs([batch_job()])
    reader = UnloggedUsageReader(mantle, jobs, InMemoryCountedBatchJobs())
    mantle.is_denied = True
    found = reader.read(NOON, NOON + WEEK, PRICING)
    assert (len(found.mantle), len(found.batch_jobs)) == (0, 1)
    assert found.unread == ("the metrics of bedrock-mantle cannot be read: AccessDenied",)
    jobs.is_denied = True
    assert len(reader.read(NOON, NOON + WEEK, PRICING).unread) == 2
