"""The start of another function of the meter, which then runs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

AFTER_COUNTING: Mapping[str, Any] = {"is_after_counting": True}
"""The event of a run that is started because calls were counted. Other runs do all of their work.
"""


def is_after_counting(event: Mapping[str, Any]) -> bool:
    """Say if a run is started because calls were counted."""
    return bool(event.get("is_after_counting"))


class RunNotStartedError(Exception):
    """The function was not started, or no answer says so. The text has the reason."""


class RunStarter(Protocol):
    """Starts a function of the meter and does not wait for it.

    The function also runs on a schedule. A start that is lost delays its work, and one that comes
    twice repeats it.
    """

    def start(self) -> None:
        """Start a run.

        Raises:
            RunNotStartedError: It was not started, or perhaps was.
        """
