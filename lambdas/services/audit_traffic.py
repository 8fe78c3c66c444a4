"""Looks for calls that no log of the deployment has, and notifies of each kind once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from lambdas.domain.alerts import Notice, NoticeKind, Notifier, make_notice_event
from lambdas.domain.completeness import AuditWindow
from lambdas.domain.events import EventScope
from lambdas.domain.metrics.catalog import UNLOGGED_JOBS
from lambdas.domain.unmetered import (
    AsyncInvocation,
    AsyncInvocations,
    BatchJob,
    EnabledRegions,
    RegionTraffic,
    SentNotices,
    TierCalls,
    TrafficReader,
    TrafficReport,
    TrafficScope,
    TrafficUnavailableError,
    async_notice,
    batch_notice,
    misread_tiers,
    region_keys,
    region_notice,
    tier_notice,
    traffic_window,
)
from lambdas.observability import logger, record_health

_Found = TypeVar("_Found")
_ALL_REGIONS = "all"
_CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TrafficSources:
    """The sources that an audit reads.

    Attributes:
        regions: The Regions that the account may use.
        reader: Bedrock's own metrics.
        async_invocations: Asynchronous invocations.
    """

    regions: EnabledRegions
    reader: TrafficReader
    async_invocations: AsyncInvocations


@dataclass(frozen=True, slots=True)
class _Notices(Generic[_Found]):
    """Writes the notices of a kind, with an event for each finding.

    Attributes:
        kind: The kind.
        word: Writes a message for some findings.
        read_scope: Reads the usage that a finding concerns.
    """

    kind: NoticeKind
    word: Callable[[Sequence[_Found]], Notice]
    read_scope: Callable[[_Found], EventScope]

    def write(self, found: Mapping[str, _Found], at: datetime) -> Notice:
        """Write one message for findings by their keys, from which events have their ids."""
        events = tuple(
            make_notice_event(self.word([value]), self.kind, [key], at, self.read_scope(value))
            for key, value in found.items()
        )
        return replace(self.word([*found.values()]), events=events)


_BATCH: _Notices[BatchJob] = _Notices(
    NoticeKind.BATCH_JOB,
    lambda new: batch_notice(new[0]),
    lambda job: {"model": (job.model,)},
)


def _read_async_scope(calls: Sequence[AsyncInvocation]) -> EventScope:
    callers = tuple(sorted({call.caller for call in calls if call.caller is not None}))
    return {
        "model": tuple(sorted({call.model for call in calls})),
        **({"principal": callers} if callers else {}),
    }


_ASYNC: _Notices[Sequence[AsyncInvocation]] = _Notices(
    NoticeKind.ASYNC_INVOCATIONS,
    lambda new: async_notice([call for calls in new for call in calls]),
    _read_async_scope,
)


@dataclass(frozen=True, slots=True)
class TrafficAuditor:
    """Audits traffic, and notifies of each finding once.

    An audit publishes nothing, so that its report can be counted whatever becomes of notices.

    Attributes:
        scope: The part of the traffic that it looks at.
        sources: The sources that it reads.
        sent: The notices that were sent.
        notifier: Passes notices on.
    """

    scope: TrafficScope
    sources: TrafficSources
    sent: SentNotices
    notifier: Notifier

    def audit(self, moment: datetime) -> TrafficReport:
        """Audit the hours that are complete at a moment; a source that fails stops no other."""
        window, unreadable = traffic_window(moment), dict[str, str]()
        unmetered = tuple(self._find_unmetered(window, unreadable))
        own = _Unreadable(self.scope.region, unreadable)
        submitted = own.try_read(lambda: tuple(self.sources.async_invocations.list(window)))
        tiers = own.try_read(lambda: self._find_misread_tiers(window))
        return TrafficReport(window, unmetered, unreadable, submitted, tiers)

    def notify(self, report: TrafficReport, moment: datetime) -> None:
        """Notify of what is new in a report."""
        for traffic in report.unmetered:
            self._notify_region(traffic, report.window, moment)
        by_key: dict[str, list[AsyncInvocation]] = {}
        for invocation in report.submitted:
            by_key.setdefault(invocation.keys[0], []).append(invocation)
        self._notify(by_key, _ASYNC, moment)
        misread = {row.key_on(report.window): row for row in report.tiers}
        tiers: _Notices[TierCalls] = _Notices(
            NoticeKind.SERVICE_TIER,
            lambda new: tier_notice(new, report.window),
            lambda row: {"model": (row.model,)},
        )
        self._notify(misread, tiers, moment)

    def is_new(self, job: BatchJob) -> bool:
        """Say if no notice of a batch job was sent."""
        return not self.sent.contains(job.key)

    def report_batch_job(self, job: BatchJob, moment: datetime) -> None:
        """Notify of a batch job, if this is the first event of it."""
        self._notify({job.key: job}, _BATCH, moment)

    def report_invocation(self, invocation: AsyncInvocation, moment: datetime) -> bool:
        """Notify of an asynchronous invocation that a trail reports, once a day and caller."""
        own, *others = invocation.keys
        new = self._notify({own: [invocation]}, _ASYNC, moment)
        if new:
            for key in others:
                self.sent.add(key, moment)
        return bool(new)

    def _find_unmetered(
        self, window: AuditWindow, unreadable: dict[str, str]
    ) -> Iterator[RegionTraffic]:
        for region in self._other_regions(unreadable):
            try:
                traffic = self.sources.reader.read_region(region, window)
            except TrafficUnavailableError as error:
                unreadable[region] = str(error)
                continue
            if traffic.unmetered_calls:
                yield traffic

    def _other_regions(self, unreadable: dict[str, str]) -> Sequence[str]:
        if not self.scope.has_other_regions:
            return ()
        try:
            enabled = self.sources.regions.list()
        except TrafficUnavailableError as error:
            unreadable[_ALL_REGIONS] = str(error)
            return ()
        return [region for region in enabled if region not in self.scope.metered]

    def _notify_region(self, traffic: RegionTraffic, window: AuditWindow, moment: datetime) -> None:
        own, *lower = region_keys(traffic, window)
        regions: _Notices[RegionTraffic] = _Notices(
            NoticeKind.UNMETERED_REGION,
            lambda _: region_notice(traffic, window),
            lambda _: {"region": (traffic.region,)},
        )
        if self._notify({own: traffic}, regions, moment):
            for key in lower:
                self.sent.add(key, moment)

    def _find_misread_tiers(self, window: AuditWindow) -> tuple[TierCalls, ...]:
        if self.scope.are_tiers_logged:
            return ()
        return tuple(misread_tiers(self.sources.reader.read_tiers(window)))

    def _notify(
        self,
        found: Mapping[str, _Found],
        notices: _Notices[_Found],
        moment: datetime,
    ) -> Sequence[_Found]:
        """Publish one notice of what is new; its keys are added once it is published."""
        new = {key: value for key, value in found.items() if not self.sent.contains(key)}
        if new:
            self.notifier.publish(notices.write(new, moment))
            for key in new:
                self.sent.add(key, moment)
        return list(new.values())


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Notes the sources of one Region that cannot be read."""

    region: str
    reasons: dict[str, str]

    def try_read(self, audit: Callable[[], tuple[_Found, ...]]) -> tuple[_Found, ...]:
        try:
            return audit()
        except TrafficUnavailableError as error:
            before = self.reasons.get(self.region)
            self.reasons[self.region] = f"{before}; {error}" if before else str(error)
            return ()


@dataclass(frozen=True, slots=True)
class TrafficWatcher:
    """Logs, counts and notifies of what audits and events show.

    Counts come before notices, which the topic may refuse.

    Attributes:
        auditor: Audits, and notifies.
    """

    auditor: TrafficAuditor

    def watch_hour(self, moment: datetime) -> None:
        """Audit the hours that are complete at a moment."""
        report = self.auditor.audit(moment)
        logger.info("Traffic outside the logs", **report.describe())
        record_health(report.get_health(self.auditor.scope))
        self.auditor.notify(report, moment)

    def watch_batch_job(self, detail: Mapping[str, Any], now: datetime) -> None:
        """Count the batch job of an event of Bedrock's, if this is the first event of it."""
        job = BatchJob.from_detail(detail)
        if job is None:
            logger.warning("An event about a batch job does not name the job")
        elif self.auditor.is_new(job):
            logger.warning("Batch job outside the logs", job=job.arn, model=job.model)
            record_health({UNLOGGED_JOBS: 1})
            self.auditor.report_batch_job(job, now)

    def watch_invocation(self, detail: Mapping[str, Any], at: datetime, now: datetime) -> None:
        """Report the asynchronous invocation of a trail's event; the hourly audit counts it."""
        invocation = AsyncInvocation.from_record(detail, at)
        if invocation is None:
            logger.warning("A trail's event about an asynchronous invocation does not name it")
        elif at > now + _CLOCK_SKEW:
            # Forged: it would keep the real ones of that day from being notified.
            logger.warning("A trail's event about an asynchronous invocation is from the future")
        elif self.auditor.report_invocation(invocation, at):
            logger.warning("Asynchronous invocation outside the logs", model=invocation.model)
