"""What a comparison needs of the outside beside the ledger: the logs that have requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

COMPARISON_PREFIX = "comparison/"
"""What the names of all files begin with."""


class InvocationLogsUnavailableError(Exception):
    """Logs cannot be read to their end. The text says why, and has nothing of their content."""


class InvocationLogs(Protocol):
    """The invocation logs as Bedrock wrote them, with prompts and answers where it logs these."""

    def between(self, start: datetime, end: datetime) -> Iterator[Sequence[str]]:
        """The messages that were logged in a time, page by page, in order of time.

        Pages may be empty: somebody looked, and may want to look no further.

        Args:
            start: The first moment, UTC.
            end: The first moment after it.

        Raises:
            InvocationLogsUnavailableError: Not all of them can be read.
        """
