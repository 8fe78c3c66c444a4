"""What people are told, beside alarms, and whoever passes it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people have to know.

    Attributes:
        subject: What it is about, in a line.
        text: What has happened, and what to do about it.
    """

    subject: str
    text: str


class Notifier(Protocol):
    """Passes notices on to whoever has subscribed."""

    def publish(self, notice: Notice) -> None:
        """Pass a notice on; whoever calls has remembered first what it is about."""
