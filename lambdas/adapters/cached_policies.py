"""Gives the policies in force from memory, and reads them again after a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lambdas.adapters.cached_source import CachedSource
from lambdas.domain.limit_policies import (
    PoliciesUnavailableError,
    PolicySet,
    PolicyStore,
    StoredPolicies,
)


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
