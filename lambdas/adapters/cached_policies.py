"""Gives the policies and budgets in force from memory, and reads them again after a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lambdas.domain.limit_policies import (
    PoliciesUnavailableError,
    PolicySet,
    PolicyStore,
    StoredPolicies,
)

MAX_AGE = timedelta(seconds=30)
"""A change of policies or budgets takes so long to have an effect."""
_Source = TypeVar("_Source")


class CachedSource(Generic[_Source]):
    """Reads a source, and keeps it for a while. While it cannot be read, the last one stays."""

    def __init__(
        self,
        load: Callable[[], _Source],
        unavailable: type[Exception],
        report_failure: Callable[[str], None],
        max_age: timedelta = MAX_AGE,
    ) -> None:
        """Read sources.

        Args:
            load: Reads a source.
            unavailable: The error that it raises if the source cannot be read.
            report_failure: Reports that it could not be read, and why.
            max_age: The time after which the source is read again.
        """
        self._load = load
        self._unavailable = unavailable
        self._report_failure = report_failure
        self._max_age = max_age
        self._source: tuple[_Source] | None = None
        self._checked_at: datetime | None = None

    def get(self, now: datetime) -> _Source:
        """Get the source.

        Raises:
            Exception: The error of `load`, if the source cannot be read, and was not before.
        """
        is_due = self._checked_at is None or now - self._checked_at >= self._max_age
        if self._source is None or is_due:
            try:
                self._source = (self._load(),)
            except self._unavailable as error:
                self._report_failure(str(error))
                if self._source is None:
                    raise
            self._checked_at = now
        return self._source[0]


class CachedPolicies:
    """Reads policies of a store, each revision once.

    While the store does not answer, the last policies stay in force.
    """

    def __init__(
        self,
        store: PolicyStore,
        read: Callable[[str], PolicySet],
        report_failure: Callable[[str], None],
    ) -> None:
        """Read policies of a store.

        Args:
            store: The store.
            read: Reads their text. Raises `PoliciesUnavailableError`.
            report_failure: Reports that policies could not be read, and why.
        """
        self._store = store
        self._read = read
        self._cached = CachedSource(self._load, PoliciesUnavailableError, report_failure)
        self._last: tuple[StoredPolicies, PolicySet] | None = None

    def get(self, now: datetime) -> PolicySet:
        """Get the policies in force.

        Raises:
            PoliciesUnavailableError: They cannot be read, and were not before.
        """
        return self._cached.get(now)

    def _load(self) -> PolicySet:
        stored = self._store.read()
        if self._last is not None and stored == self._last[0]:
            return self._last[1]
        policies = PolicySet() if stored.text is None else self._read(stored.text)
        self._last = stored, policies
        return policies
