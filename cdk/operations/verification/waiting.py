"""Waits for what AWS does later, with a deadline and a clock that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_Found = TypeVar("_Found")
_FIRST_PAUSE_SECONDS = 0.1
_MAX_PAUSE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Looks again and again until something is there.

    Attributes:
        limit_seconds: The time after which to give up.
        clock: The seconds of a clock that never goes back.
        pause: Waits some seconds.
    """

    limit_seconds: float = 900
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def until(
        self, look: Callable[[], _Found], is_there: Callable[[_Found], bool] = bool
    ) -> _Found:
        """Return the first result that is there, or at the deadline the last one.

        Args:
            look: Reads the current result.
            is_there: Says if a result is the expected one.
        """
        deadline = self.clock() + self.limit_seconds
        seconds = _FIRST_PAUSE_SECONDS
        while not is_there(found := look()) and self.clock() < deadline:
            self.pause(seconds)
            seconds = min(2 * seconds, _MAX_PAUSE_SECONDS)
        return found
