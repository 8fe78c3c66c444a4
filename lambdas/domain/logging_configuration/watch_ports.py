"""What watching needs of the outside: a look at what there is and who did it, and a memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.logging_configuration.change import LoggingChange
from lambdas.domain.logging_configuration.drift import LogGroup, Role
from lambdas.domain.logging_configuration.watching import WatchState


class WatchStateChangedError(Exception):
    """Somebody else has remembered something since. Watching again sees it."""


class LogGroups(Protocol):
    """Log groups of this account and Region."""

    def find(self, name: str) -> LogGroup | None:
        """A log group with its subscriptions; `None` where there is none of that name."""


class Roles(Protocol):
    """Roles of this account."""

    def find(self, name: str) -> Role | None:
        """A role with its policies; `None` where there is none of that name."""


class FoundChanges(NamedTuple):
    """The result of a search in CloudTrail's event history.

    Attributes:
        changes: Changes, in any order.
        gaps: Actions that were not searched to the end, with the reason.
    """

    changes: list[LoggingChange]
    gaps: tuple[str, ...]


class ChangeHistory(Protocol):
    """What CloudTrail remembers of changes, in every account for 90 days."""

    def find(self, actions: Iterable[str], since: datetime, *, limit: int) -> FoundChanges:
        """Find changes by these actions that are known by now.

        Args:
            actions: The names of the actions.
            since: The beginning of the time to search.
            limit: The number of events to read of each action.
        """


class Deployments(Protocol):
    """The meter's own deployments."""

    def is_under_way(self) -> bool:
        """Whether one is changing what there is."""

    def was_under_way(self, at: datetime) -> bool:
        """Whether one was changing it at a time, which may be long over."""


class WatchMemory(Protocol):
    """Where a watch remembers what it has found."""

    def recall(self) -> WatchState:
        """What was remembered last; at first, that all was as deployed."""

    def remember(self, state: WatchState, before: WatchState) -> None:
        """Remember, in place of what was recalled.

        Raises:
            WatchStateChangedError: That is not what is remembered any more.
        """
