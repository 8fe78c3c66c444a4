"""The port that keeps each summary from being sent twice."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class SummaryDeliveries(Protocol):
    """The summaries that are being sent, and those that were sent, by the name of their week.

    A summary is due while one run sends it, then sent. A run that is cut off in between leaves it
    due: a later run sends it, so that none is lost.
    """

    def begin(self, week: str, now: datetime) -> bool:
        """Take on the summary of a week; `False` if it was sent, or another run is sending it."""

    def give_up(self, week: str) -> None:
        """Leave the summary of a week, which was not sent, to the next run."""

    def complete(self, week: str, now: datetime) -> None:
        """Note that the summary of a week was sent."""
