"""The switch that lets the brake and the gateway stop usage without credits."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol


class CreditSwitch(NamedTuple):
    """The switch of credits. Off, exhausted credits are only reported.

    Attributes:
        is_on: True if usage without credits may be stopped, where settings say so.
        by: Who set it; `None` if it was never set.
        at: The time at which it was set; likewise.
    """

    is_on: bool = False
    by: str | None = None
    at: datetime | None = None


class CreditSwitchReader(Protocol):
    """Reads the switch of credits."""

    def read(self) -> CreditSwitch:
        """Read the switch; off if it was never set, or cannot be read."""


class CreditSwitchStore(CreditSwitchReader, Protocol):
    """The stored switch of credits."""

    def write(self, switch: CreditSwitch) -> None:
        """Set the switch. Someone set it, at a time."""
