"""Gives the policies in force from memory, and reads them again after a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from lambdas.domain.limit_policies import (
    PoliciesUnavailableError,
    PolicySet,
    PolicyStore,
    StoredPolicies,
)

MAX_AGE = timedelta(seconds=30)
"""A change of policies takes so long to have an effect."""


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
        self._report_failure = report_failure
        self._policies: PolicySet | None = None
        self._stored: StoredPolicies | None = None
        self._checked_at: datetime | None = None

    def get(self, now: datetime) -> PolicySet:
        """Get the policies in force.

        Raises:
            PoliciesUnavailableError: They cannot be read, and were not before.
        """
        is_due = self._checked_at is None or now - self._checked_at >= MAX_AGE
        if self._policies is not None and not is_due:
            return self._policies
        try:
            self._policies = self._load()
        except PoliciesUnavailableError as error:
            self._report_failure(str(error))
            if self._policies is None:
                raise
        self._checked_at = now
        return self._policies

    def _load(self) -> PolicySet:
        stored = self._store.read()
        if self._policies is not None and stored == self._stored:
            return self._policies
        policies = PolicySet() if stored.text is None else self._read(stored.text)
        self._stored = stored
        return policies
