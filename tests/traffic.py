"""An account's traffic outside the logs, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lambdas.domain.completeness import AuditWindow
from lambdas.domain.unmetered import (
    AsyncInvocation,
    RegionTraffic,
    TierCalls,
    TrafficUnavailableError,
)

_ASYNCHRONOUS = "asynchronous invocations"


class InMemorySentNotices:
    """Keys of notices in a dictionary."""

    def __init__(self) -> None:
        self.sent: dict[str, datetime] = {}

    def contains(self, key: str) -> bool:
        return key in self.sent

    def add(self, key: str, sent_at: datetime) -> None:
        self.sent.setdefault(key, sent_at)


class InMemoryTraffic:
    """The traffic of every Region; sources in `denied` cannot be read."""

    def __init__(self, *traffic: RegionTraffic) -> None:
        self.regions = {entry.region: entry for entry in traffic}
        self.tiers: list[TierCalls] = []
        self.denied: set[str] = set()
        self.read: list[str] = []

    def list(self) -> Sequence[str]:
        self._check("ListRegions")
        return sorted(self.regions)

    def read_region(self, region: str, window: AuditWindow) -> RegionTraffic:  # noqa: ARG002
        self._check(region)
        self.read.append(region)
        return self.regions[region]

    def read_tiers(self, window: AuditWindow) -> Sequence[TierCalls]:  # noqa: ARG002
        self._check("tiers")
        return self.tiers

    def _check(self, source: str) -> None:
        if source in self.denied:
            raise _denied(source)


class InMemoryAsyncInvocations(list[AsyncInvocation]):
    """Asynchronous invocations of one Region."""

    is_denied = False

    def list(self, window: AuditWindow) -> Sequence[AsyncInvocation]:
        if self.is_denied:
            raise _denied(_ASYNCHRONOUS)
        return [call for call in self if window.start <= call.submitted_at < window.end]


def _denied(source: str) -> TrafficUnavailableError:
    return TrafficUnavailableError(f"{source}: AccessDenied")
