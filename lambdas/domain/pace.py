"""A limit on how often a process does something."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class Pace:
    """Allows something once in each step of time. Steps begin at full minutes, hours and so on.

    Attributes:
        step: The length of a step.
    """

    step: timedelta
    _done_in: datetime | None = field(default=None, init=False)

    def is_due(self, now: datetime) -> bool:
        """Say if it was not yet done in the step that a time is in."""
        return self._get_step(now) != self._done_in

    def note(self, now: datetime) -> None:
        """Note that it was done at a time."""
        self._done_in = self._get_step(now)

    def _get_step(self, now: datetime) -> datetime:
        return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % self.step
