"""The port to where traces are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

JsonDocument: TypeAlias = Mapping[str, Any]


class TraceNotSentError(Exception):
    """A trace was not taken. The text has the reason, and nothing of the trace."""


class TraceExporter(Protocol):
    """Sends traces."""

    def send(self, document: JsonDocument) -> None:
        """Send the document of a trace.

        Raises:
            TraceNotSentError: It was not taken.
        """
