"""Gives what finds subjects of calls from memory, and makes it again after a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lambdas.domain.limit_policies import SubjectsUnavailableError

MAX_AGE = timedelta(seconds=30)
"""A change of budgets takes so long to have an effect."""
_Source = TypeVar("_Source")


class CachedSubjects(Generic[_Source]):
    """Makes a source of subjects from stored budgets, and keeps it for a while.

    While they cannot be read, the last source stays.
    """

    def __init__(self, load: Callable[[], _Source], report_failure: Callable[[str], None]) -> None:
        """Make sources.

        Args:
            load: Makes a source. Raises `SubjectsUnavailableError`.
            report_failure: Reports that none could be made, and why.
        """
        self._load = load
        self._report_failure = report_failure
        self._source: tuple[_Source] | None = None
        self._checked_at: datetime | None = None

    def get(self, now: datetime) -> _Source:
        """Get the source.

        Raises:
            SubjectsUnavailableError: None could be made, now or before.
        """
        is_due = self._checked_at is None or now - self._checked_at >= MAX_AGE
        if self._source is None or is_due:
            try:
                self._source = (self._load(),)
            except SubjectsUnavailableError as error:
                self._report_failure(str(error))
                if self._source is None:
                    raise
            self._checked_at = now
        return self._source[0]
