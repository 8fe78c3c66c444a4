"""Traffic outside the logs: other Regions, batch jobs and asynchronous invocations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.counted_batch_jobs import DynamoDbCountedBatchJobs
from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.domain.metrics.catalog import BATCH_INPUT_TOKENS
from lambdas.domain.unlogged import BatchTokens, UnloggedUsageUnavailableError
from lambdas.domain.unmetered import (
    BATCH_EVENT,
    RegionTraffic,
    TrafficScope,
    TrafficUnavailableError,
)
from lambdas.services.audit_traffic import TrafficAuditor, TrafficSources, TrafficWatcher
from lambdas.services.count_batch_jobs import BatchJobCounter
from tests.builders import HAIKU_3
from tests.simulation.account import STATE, Account
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault
from tests.simulation.phases import FAULTS_END
from tests.simulation.ports import Port
from tests.simulation.world import START
from tests.traffic import InMemoryAsyncInvocations, InMemoryTraffic
from tests.unlogged import InMemoryBatchJobs, InMemoryManifests, batch_job

_HOME, _NORTH = "us-east-1", "eu-north-1"
_JOBS = 3
_LAST = FAULTS_END + timedelta(hours=2)
_REGION, _BATCH = "calls in a Region", "a batch job"


class TrafficAuditorDriver(Driver):
    """Audits a Region without a meter, and events and manifests of batch jobs."""

    function = "traffic_auditor"
    expected_errors = (
        TrafficUnavailableError,
        UnloggedUsageUnavailableError,
        TableUnavailableError,
        ConnectionError,
    )

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._traffic = InMemoryTraffic(
            RegionTraffic(_HOME, {HAIKU_3: 9}), RegionTraffic(_NORTH, {HAIKU_3: 5})
        )
        self._jobs, self._manifests = InMemoryBatchJobs(), InMemoryManifests()
        self._days: set[int] = set()

    def make(self) -> tuple[TrafficWatcher, BatchJobCounter]:
        world = self.account.world

        def port(twin: object, error: type[Exception]) -> Any:
            return Port(world, twin, error, is_read=True)

        traffic = port(self._traffic, TrafficUnavailableError)
        invocations = port(InMemoryAsyncInvocations(), TrafficUnavailableError)
        watcher = TrafficWatcher(
            TrafficAuditor(
                TrafficScope(_HOME, (), are_tiers_logged=False),
                TrafficSources(traffic, traffic, invocations),
                DynamoDbSentNotices(self.dynamodb, STATE),
                self.account.topic.port,
            )
        )
        counter = BatchJobCounter(
            port(self._jobs, UnloggedUsageUnavailableError),
            port(self._manifests, UnloggedUsageUnavailableError),
            DynamoDbCountedBatchJobs(self.dynamodb, STATE, self.account.pause),
        )
        return watcher, counter

    def run(self, event: Any) -> None:
        watcher, counter = self.service
        if event["detail-type"] == BATCH_EVENT:
            watcher.watch_batch_job(event["detail"], self.account.now)
        else:
            watcher.watch_hour(datetime.fromisoformat(event["time"]))
            counter.count(self.account.now)

    def start(self) -> None:
        world = self.account.world
        self.every(
            timedelta(hours=1),
            START + timedelta(minutes=20),
            _LAST,
            lambda moment: {"time": moment.isoformat(), "detail-type": "Scheduled Event"},
            retries=20,
        )
        for number in range(_JOBS):
            world.after(world.random.uniform(0, 7) * 3600, self._end_job, f"job{number}")

    def _end_job(self, name: str) -> None:
        world = self.account.world
        job = batch_job(name, ended_at=self.account.now)
        self._jobs.append(job)
        self._manifests[job.arn] = BatchTokens(input=1_000, output=50)
        detail = {"batchJobArn": job.arn, "batchModelId": HAIKU_3, "status": "Completed"}
        event = {"detail-type": BATCH_EVENT, "detail": detail}
        for _ in range(2 if world.strikes(Fault.DUPLICATES, 0.5) else 1):
            world.after(world.random.uniform(1, 60), self.invoke, event, 20)

    def check(self) -> Iterator[str]:
        topic = self.account.topic
        days = (_LAST.date() - START.date()).days + 1
        for subject, expected in ((_REGION, days), (_BATCH, _JOBS)):
            sent, repeatable = topic.count(self.function, subject)
            overlapping = repeatable + self.account.functions.overlaps[self.function]
            if not expected <= sent <= expected + overlapping:
                yield f"traffic: {sent} notices of {subject}, expected {expected} (+{overlapping})"
        counted = DynamoDbCountedBatchJobs(self.account.dynamodb, STATE, self.account.pause).read(
            job.arn for job in self._jobs
        )
        if len(counted) != _JOBS:
            yield f"traffic: {len(counted)} of {_JOBS} batch jobs are counted"
        tokens = self.account.health[BATCH_INPUT_TOKENS.name]
        # Metrics of jobs come at most once: a job is noted before they are published.
        noted_alone = self.account.functions.interruptions[self.function]
        at_least = _JOBS - noted_alone - self.account.world.struck[Fault.LOST_ANSWERS]
        if not 1_000 * at_least <= tokens <= 1_000 * _JOBS:
            yield f"traffic: metrics have {tokens} tokens of {_JOBS} batch jobs"
