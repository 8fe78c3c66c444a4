"""The result of an audit of traffic, and the part of the traffic that it covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.domain.completeness import AuditWindow
from lambdas.domain.metrics.catalog import (
    MISREAD_TIER_CALLS,
    UNLOGGED_JOBS,
    UNMETERED_CALLS,
    UNREADABLE_REGIONS,
    HealthMetric,
)
from lambdas.domain.unmetered.jobs import AsyncInvocation, count_by_model
from lambdas.domain.unmetered.regions import RegionTraffic, is_first_deployment
from lambdas.domain.unmetered.tiers import TierCalls


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
        """True when this deployment is the one that looks at other Regions."""
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
