"""Sources of unmetered traffic, and the record of notices that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.completeness import AuditWindow
from lambdas.domain.unmetered.jobs import AsyncInvocation
from lambdas.domain.unmetered.regions import RegionTraffic
from lambdas.domain.unmetered.tiers import TierCalls


class TrafficUnavailableError(Exception):
    """A source could not be read. The text says which and why. There may be traffic."""


class EnabledRegions(Protocol):
    """The Regions that the account may use."""

    def list(self) -> Sequence[str]:
        """List their names.

        Raises:
            TrafficUnavailableError: They cannot be listed.
        """


class TrafficReader(Protocol):
    """Calls by Bedrock's own metrics."""

    def read_region(self, region: str, window: AuditWindow) -> RegionTraffic:
        """Read the calls in a Region, and how many of them a deployment there has counted.

        Raises:
            TrafficUnavailableError: The metrics of that Region cannot be read.
        """

    def read_tiers(self, window: AuditWindow) -> Sequence[TierCalls]:
        """Read the calls in the deployment's own Region at other tiers than standard, by model.

        Raises:
            TrafficUnavailableError: They cannot be read.
        """


class AsyncInvocations(Protocol):
    """Asynchronous invocations in the deployment's own Region."""

    def list(self, window: AuditWindow) -> Sequence[AsyncInvocation]:
        """List those that were submitted in a window.

        Raises:
            TrafficUnavailableError: They cannot be listed.
        """


class SentNotices(Protocol):
    """The keys of notices that were sent.

    A key is added after its notice was published: a notice is sent at least once, and a second
    time only where a function ends between the two, or two run at the same time.
    """

    def contains(self, key: str) -> bool:
        """Say if the notice of a key was sent."""

    def add(self, key: str, sent_at: datetime) -> None:
        """Add a key; the time of the first notice stays."""
