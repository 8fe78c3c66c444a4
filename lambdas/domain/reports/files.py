"""The port that stores reports, and the error of a report that is not finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

REPORT_NAME = "bedrock-meter"
"""The name of a report's files, before their suffix."""


class ReportUnfinishedError(Exception):
    """There was no time, or no room, for all calls. The text says which.

    Files of earlier reports stay: no partial file is ever stored.
    """


def check_time(has_time: Callable[[], bool]) -> None:
    """Go on while there is time.

    Raises:
        ReportUnfinishedError: The time is over.
    """
    if not has_time():
        message = "there was no time for all calls; nothing was written of a part"
        raise ReportUnfinishedError(message)


class ReportFiles(Protocol):
    """Stores files by name; a file of the same name is replaced."""

    def store(self, file: Path, name: str) -> None:
        """Store a file, completely or not at all.

        Args:
            file: The file to store.
            name: Its name, with folders.
        """
