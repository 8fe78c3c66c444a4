"""Looks for calls that no log of the deployment has, and notifies of each kind once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from lambdas.domain.alerts.notifications import Notice, Notifier
from lambdas.domain.completeness import AuditWindow
from lambdas.domain.metrics.catalog import (
    MISREAD_TIER_CALLS,
    UNLOGGED_JOBS,
    UNMETERED_CALLS,
    UNREADABLE_REGIONS,
    HealthMetric,
)
from lambdas.domain.unmetered import (
    AsyncInvocation,
    AsyncInvocations,
    BatchJob,
    EnabledRegions,
    RegionTraffic,
    SentNotices,
    TierCalls,
    TrafficReader,
    TrafficUnavailableError,
    async_notice,
    batch_notice,
    count_by_model,
    is_first_deployment,
    misread_tiers,
    region_keys,
    region_notice,
    tier_notice,
    traffic_window,
)

_Found = TypeVar("_Found")
_ALL_REGIONS = "all"


@dataclass(frozen=True, slots=True)
class TrafficScope:
    """The part of the traffic that this deployment looks at.

    Attributes:
        region: Its own Region.
        regions: The Regions with a deployment, in the order of the settings; empty for this one.
        are_tiers_logged: Whether the logs have content, which names the service tier.
        denied: Regions that a policy denies to the whole account. They are read all the same, in
            case the policy has gone.
    """

    region: str
    regions: tuple[str, ...]
    are_tiers_logged: bool
    denied: tuple[str, ...] = ()

    @property
    def has_other_regions(self) -> bool:
        """Whether this deployment is the one that looks at other Regions."""
        return is_first_deployment(self.region, self.regions)

    def unexpected(self, unreadable: Iterable[str]) -> list[str]:
        """Leave out the Regions that a policy denies to the whole account."""
        denied = {*self.denied} - self.metered
        return [region for region in unreadable if region not in denied]

    @property
    def metered(self) -> frozenset[str]:
        """The Regions with a deployment of their own."""
        return frozenset({self.region, *self.regions})


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
class TrafficReport:
    """The result of an audit.

    Attributes:
        window: The hours that it covers.
        unmetered: Other Regions with calls that no deployment has counted.
        unreadable: Regions that could not be read, each with the reason; `all` where the account's
            Regions cannot be listed.
        submitted: Asynchronous invocations of both hours.
        tiers: Calls at service tiers that the logs do not name.
    """

    window: AuditWindow
    unmetered: tuple[RegionTraffic, ...]
    unreadable: Mapping[str, str]
    submitted: tuple[AsyncInvocation, ...]
    tiers: tuple[TierCalls, ...]

    @property
    def invocations(self) -> tuple[AsyncInvocation, ...]:
        """The asynchronous invocations of the later hour; the earlier one was counted before."""
        return tuple(call for call in self.submitted if call.submitted_at >= self.window.middle)

    @property
    def unmetered_calls(self) -> int:
        """The calls in all Regions that are not metered."""
        return sum(traffic.unmetered_calls for traffic in self.unmetered)

    def get_health(self, scope: TrafficScope) -> Mapping[HealthMetric, float]:
        """Get the health metrics of an audit."""
        health: dict[HealthMetric, float] = {
            UNLOGGED_JOBS: len(self.invocations),
            MISREAD_TIER_CALLS: sum(row.calls for row in self.tiers),
            UNREADABLE_REGIONS: len(scope.unexpected(self.unreadable)),
        }
        if scope.has_other_regions:
            health[UNMETERED_CALLS] = self.unmetered_calls
        return health

    def describe(self) -> dict[str, Any]:
        """Describe the result as the log has it."""
        return {
            "start": self.window.start.isoformat(),
            "end": self.window.end.isoformat(),
            "unmetered": {
                traffic.region: {
                    "calls": dict(traffic.calls),
                    "mantle_calls": dict(traffic.mantle_calls),
                    "metered_calls": traffic.metered_calls,
                }
                for traffic in self.unmetered
            },
            "unreadable": dict(self.unreadable),
            "asynchronous": dict(count_by_model(self.invocations)),
            "tiers": [(row.model, row.tier, row.calls) for row in self.tiers],
        }


@dataclass(frozen=True, slots=True)
class TrafficAuditor:
    """Audits, and notifies of what was not notified before.

    An audit publishes nothing, so that its report can be counted whatever becomes of notices.

    Attributes:
        scope: The part of the traffic that it looks at.
        sources: Where it reads.
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
        submitted = own.unless_read(lambda: tuple(self.sources.async_invocations.list(window)))
        tiers = own.unless_read(lambda: self._find_misread_tiers(window))
        return TrafficReport(window, unmetered, unreadable, submitted, tiers)

    def notify(self, report: TrafficReport, moment: datetime) -> None:
        """Notify of what is new in a report."""
        for traffic in report.unmetered:
            self._notify_of_region(traffic, report.window, moment)
        by_key: dict[str, list[AsyncInvocation]] = {}
        for invocation in report.submitted:
            by_key.setdefault(invocation.keys[0], []).append(invocation)
        self._notify(
            by_key, lambda new: async_notice([call for calls in new for call in calls]), moment
        )
        misread = {row.key_on(report.window): row for row in report.tiers}
        self._notify(misread, lambda new: tier_notice(new, report.window), moment)

    def is_new(self, job: BatchJob) -> bool:
        """Say if no notice of a batch job was sent."""
        return not self.sent.contains(job.key)

    def report_batch_job(self, job: BatchJob, moment: datetime) -> None:
        """Notify of a batch job, if this is the first event of it."""
        self._notify({job.key: job}, lambda _: batch_notice(job), moment)

    def report_invocation(self, invocation: AsyncInvocation, moment: datetime) -> bool:
        """Notify of an asynchronous invocation that a trail reports, once a day and caller."""
        own, *others = invocation.keys
        new = self._notify({own: invocation}, async_notice, moment)
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

    def _notify_of_region(
        self, traffic: RegionTraffic, window: AuditWindow, moment: datetime
    ) -> None:
        own, *lower = region_keys(traffic, window)
        if self._notify({own: traffic}, lambda _: region_notice(traffic, window), moment):
            for key in lower:
                self.sent.add(key, moment)

    def _find_misread_tiers(self, window: AuditWindow) -> tuple[TierCalls, ...]:
        if self.scope.are_tiers_logged:
            return ()
        return tuple(misread_tiers(self.sources.reader.read_tiers(window)))

    def _notify(
        self,
        found: Mapping[str, _Found],
        word: Callable[[Sequence[_Found]], Notice],
        moment: datetime,
    ) -> Sequence[_Found]:
        """Publish one notice of what is new; its keys are added once it is published."""
        new = {key: value for key, value in found.items() if not self.sent.contains(key)}
        if new:
            self.notifier.publish(word(list(new.values())))
            for key in new:
                self.sent.add(key, moment)
        return list(new.values())


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Notes the sources of one Region that cannot be read."""

    region: str
    reasons: dict[str, str]

    def unless_read(self, audit: Callable[[], tuple[_Found, ...]]) -> tuple[_Found, ...]:
        try:
            return audit()
        except TrafficUnavailableError as error:
            before = self.reasons.get(self.region)
            self.reasons[self.region] = f"{before}; {error}" if before else str(error)
            return ()
