"""Appends changes to the chain of the audit trail, each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.domain.audit import (
    AppendOutcome,
    AuditBusyError,
    AuditedChange,
    AuditStore,
    ChainHead,
    PersonDirectory,
    limit_state,
    replace_people,
)
from lambdas.observability import logger

_MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class AuditWriter:
    """Appends changes. It is the only writer of the chain, but may run several times at once.

    Attributes:
        store: The chain.
        people: The ids of people, which stand in entries in place of their names.
    """

    store: AuditStore
    people: PersonDirectory

    def append(self, changes: Iterable[AuditedChange], now: datetime) -> int:
        """Append changes in their order; those that are in the chain already are left out.

        Safe to repeat: a source makes one entry, however often it comes.

        Args:
            changes: The changes.
            now: The time.

        Returns:
            The number of new entries.

        Raises:
            AuditBusyError: Other runs took the end of the chain at every attempt.
        """
        appended, head = 0, None
        for change in changes:
            head, is_new = self._append(self._replace_people(change), head, now)
            appended += is_new
        return appended

    def _replace_people(self, change: AuditedChange) -> AuditedChange:
        subject, before, after = (
            replace_people(limit_state(part), self.people.get_or_create_id)
            for part in (change.subject, change.before, change.after)
        )
        return replace(change, subject=str(subject), before=before, after=after)

    def _append(
        self, change: AuditedChange, head: ChainHead | None, now: datetime
    ) -> tuple[ChainHead | None, bool]:
        """Append a change after a head, if that is still the head.

        Returns:
            The head afterwards, if it is known, and whether there is a new entry.
        """
        for _ in range(_MAX_ATTEMPTS):
            head = head or self.store.read_head()
            entry = head.append(change, now)
            outcome = self.store.append(entry)
            if outcome is AppendOutcome.APPENDED:
                # The log is a second place that has the hash.
                logger.info(
                    "Audit entry",
                    sequence=entry.sequence,
                    hash=entry.hash,
                    action=change.action.value,
                )
                return ChainHead(entry.sequence, entry.hash), True
            if outcome is AppendOutcome.ALREADY_THERE:
                return head, False
            head = None
        message = f"the end of the chain was taken {_MAX_ATTEMPTS} times"
        raise AuditBusyError(message)
