"""Each batch job is counted once, whatever is repeated."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.domain.unlogged import BatchTokens
from lambdas.services import count_batch_jobs
from lambdas.services.count_batch_jobs import BatchJobCounter
from tests.aws import EmbeddedMetric, embedded_metrics
from tests.builders import HAIKU_3
from tests.unlogged import (
    InMemoryBatchJobs,
    InMemoryCountedBatchJobs,
    InMemoryManifests,
    batch_job,
)

ENDED = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
NOW = ENDED + timedelta(hours=1)
PROFILES = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile"
TOKENS = BatchTokens(1200, 340)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> BatchJobCounter:
    monkeypatch.setattr(count_batch_jobs, "MAX_JOBS_PER_RUN", 2)
    return BatchJobCounter(InMemoryBatchJobs(), InMemoryManifests(), InMemoryCountedBatchJobs())


def add(counter: BatchJobCounter, *job_ids: str, has_manifest: bool = True) -> None:
    assert isinstance(counter.jobs, InMemoryBatchJobs)
    assert isinstance(counter.manifests, InMemoryManifests)
    for minute, job_id in enumerate(job_ids):
        job = batch_job(job_id, ended_at=ENDED + timedelta(minutes=minute))
        counter.jobs.append(job)
        if has_manifest:
            counter.manifests[job.arn] = TOKENS


def test_the_tokens_of_a_job_are_published_for_the_account_and_its_model(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    add(counter, "1")
    counter.count(NOW)
    published = embedded_metrics(capsys.readouterr().out)
    model = {"ModelId": HAIKU_3}
    assert published == [
        EmbeddedMetric("BedrockMeter", name, dimensions, tokens, ENDED)
        for dimensions in ({}, model)
        for name, tokens in (("BatchInputTokens", 1200), ("BatchOutputTokens", 340))
    ]


def test_jobs_through_profiles_add_no_metric_for_each_profile(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(counter.jobs, InMemoryBatchJobs)
    assert isinstance(counter.manifests, InMemoryManifests)
    for number in range(2):
        profile = f"{PROFILES}/{number}"
        job = batch_job(str(number), ended_at=ENDED, model=profile)
        counter.jobs.append(job)
        counter.manifests[job.arn] = TOKENS
    counter.count(NOW)
    published = embedded_metrics(capsys.readouterr().out)
    assert {metric.dimensions.get("ModelId") for metric in published} == {None, "__other__"}


def test_a_job_listed_again_is_not_counted_again(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    add(counter, "1")
    counter.count(NOW)
    capsys.readouterr()
    counter.count(NOW + timedelta(hours=1))
    assert capsys.readouterr().out == ""


def test_two_runs_at_the_same_time_count_a_job_once(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    add(counter, "1")

    class ReadBeforeTheOtherRun(InMemoryCountedBatchJobs):
        def read(self, arns: Iterable[str]) -> Mapping[str, BatchTokens]:  # noqa: ARG002
            return {}

    counted = ReadBeforeTheOtherRun()
    for _ in range(2):
        BatchJobCounter(counter.jobs, counter.manifests, counted).count(NOW)
    assert len(embedded_metrics(capsys.readouterr().out)) == 4


def test_a_job_without_tokens_publishes_nothing_and_is_retried(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    add(counter, "1", has_manifest=False)
    counter.count(NOW)
    assert capsys.readouterr().out == ""
    assert isinstance(counter.manifests, InMemoryManifests)
    counter.manifests[batch_job("1").arn] = TOKENS
    counter.count(NOW + timedelta(hours=1))
    assert len(embedded_metrics(capsys.readouterr().out)) == 4


def test_a_run_reads_a_bounded_number_of_manifests_and_logs_what_is_left(
    counter: BatchJobCounter, caplog: pytest.LogCaptureFixture
) -> None:
    add(counter, "1", "2", "3", has_manifest=False)
    counter.count(NOW)
    assert isinstance(counter.manifests, InMemoryManifests)
    assert len({*counter.manifests.asked}) == 2
    assert vars(caplog.records[-1])["left"] == 1


def test_jobs_without_manifests_hide_no_other_job(
    counter: BatchJobCounter, capsys: pytest.CaptureFixture[str]
) -> None:
    add(counter, "1")
    add(counter, *map(str, range(2, 12)), has_manifest=False)
    for hour in range(8 * 24):
        counter.count(NOW + timedelta(hours=hour))
    assert len(embedded_metrics(capsys.readouterr().out)) == 4


def test_jobs_that_write_to_other_buckets_take_no_turn(
    counter: BatchJobCounter, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(counter.jobs, InMemoryBatchJobs)
    add(counter, "1", "2")
    for number in range(3, 100):
        job = batch_job(str(number), ended_at=ENDED, output_uri="s3://elsewhere/nightly/")
        counter.jobs.append(job)
    counter.count(NOW)
    assert isinstance(counter.manifests, InMemoryManifests)
    assert {*counter.manifests.asked} == {batch_job("1").arn, batch_job("2").arn}
    assert caplog.records == []


def test_a_failed_list_of_jobs_is_logged_and_stops_nothing(
    counter: BatchJobCounter, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(counter.jobs, InMemoryBatchJobs)
    counter.jobs.is_denied = True
    counter.count(NOW)
    assert "the next run tries again" in caplog.records[-1].getMessage()
