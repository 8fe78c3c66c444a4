"""Ports of a comparison beside the ledger: the logs that have requests, the store of reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.reports.comparison.report import ComparisonReport
from lambdas.domain.unlogged import UnloggedUsage

COMPARISON_PREFIX = "comparison/"
"""The beginning of the names of all files."""


class InvocationLogsUnavailableError(Exception):
    """Logs cannot be read to their end. The text says why, and has nothing of their content."""


class InvocationLogs(Protocol):
    """The invocation logs as Bedrock wrote them, with prompts and answers where it logs these."""

    def scan_range(self, start: datetime, end: datetime) -> Iterator[Sequence[str]]:
        """The messages that were logged in a period, page by page, in order of time.

        Pages may be empty, so that the caller can stop between them.

        Args:
            start: The first moment, UTC.
            end: The first moment after it.

        Raises:
            InvocationLogsUnavailableError: Not all of them can be read.
        """


class WeeklyComparison(NamedTuple):
    """The report on a week, and what it could not take in.

    Attributes:
        week: The week, as ISO 8601 names it.
        report: The comparison.
        requests_unread: The reason why requests in the log were not read; `None` if all were.
        requests_left_out: Requests that did not fit in memory.
        unreadable_items: The number of items of the week that cannot be read as calls.
        unlogged: The tokens of the week that no log has; they are not in the comparison.
    """

    week: str
    report: ComparisonReport
    requests_unread: str | None
    requests_left_out: int
    unreadable_items: int
    unlogged: UnloggedUsage = UnloggedUsage()


class ComparisonStore(Protocol):
    """Stores the comparison of each week; one that was stored before is replaced."""

    def write(self, comparison: WeeklyComparison) -> None:
        """Store the comparison of a week."""
