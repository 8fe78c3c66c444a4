"""The ports of the watch: readers of live resources and of changes, and a store of its state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.logging_configuration.change import LoggingChange
from lambdas.domain.logging_configuration.drift import LogGroup, Role
from lambdas.domain.logging_configuration.watch_state import WatchState


class WatchStateChangedError(Exception):
    """Another run has saved its state since. The next run reads it."""


class LogGroups(Protocol):
    """Log groups of this account and Region."""

    def get(self, name: str, /) -> LogGroup | None:
        """Get a log group with its subscriptions; `None` where no log group has the name."""


class Roles(Protocol):
    """Roles of this account."""

    def get(self, name: str, /) -> Role | None:
        """Get a role with its policies; `None` where no role has the name."""


class FoundChanges(NamedTuple):
    """The result of a search in CloudTrail's event history.

    Attributes:
        changes: Changes, in any order.
        gaps: Actions that were not searched to the end, with the reason.
    """

    changes: list[LoggingChange]
    gaps: tuple[str, ...]


class ChangeHistory(Protocol):
    """The changes in CloudTrail's event history, which every account keeps for 90 days."""

    def search(self, actions: Iterable[str], since: datetime, *, limit: int) -> FoundChanges:
        """Find changes by these actions that are known by now.

        Args:
            actions: The names of the actions.
            since: The beginning of the time to search.
            limit: The number of events to read of each action.
        """


class Deployments(Protocol):
    """The meter's own deployments."""

    def is_under_way(self) -> bool:
        """Return true while a deployment is under way."""

    def was_under_way(self, at: datetime) -> bool:
        """Return true when a deployment was under way at a time, which may be long over."""


class WatchStateStore(Protocol):
    """The store of the last state that a watch has found."""

    def load(self) -> WatchState:
        """Load the last state; at first, a state without drift."""

    def save(self, state: WatchState, before: WatchState) -> None:
        """Save a state in place of the one that was loaded.

        Raises:
            WatchStateChangedError: The stored state is not that one any more.
        """
