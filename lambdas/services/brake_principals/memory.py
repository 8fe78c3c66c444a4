"""State that a process keeps from run to run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lambdas.domain.brake import Target

_MAX_EVENTS = 100_000

_T = TypeVar("_T", bound=Target)


@dataclass(slots=True)
class RunMemory:
    """State that a process keeps from run to run. A new process does without it, only slower.

    Attributes:
        events: The ids of events that are stored.
        setbacks: How often in a row a change of a caller failed, by its ARN.
    """

    events: set[str] = field(default_factory=set)
    setbacks: dict[str, int] = field(default_factory=dict)

    def note_event(self, event_id: str) -> None:
        """Note that an event is stored. The ids are dropped when there are too many."""
        if len(self.events) >= _MAX_EVENTS:
            self.events.clear()
        self.events.add(event_id)

    def order(self, targets: Iterable[_T]) -> list[_T]:
        """Put those that failed most often last, so that they keep no other one waiting."""
        return sorted(targets, key=lambda target: (self.setbacks.get(target.arn, 0), target.arn))

    def count_setbacks(self, failed: Collection[str], succeeded: Collection[str]) -> None:
        """Count the callers of a run whose changes failed; those that succeeded begin anew."""
        for arn in failed:
            self.setbacks[arn] = self.setbacks.get(arn, 0) + 1
        for arn in succeeded:
            self.setbacks.pop(arn, None)
