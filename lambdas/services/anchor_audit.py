"""Verifies the chain of the audit trail, and anchors its head each hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.audit import (
    AnchorStore,
    AuditAnchor,
    AuditStore,
    Verification,
    verify_chain,
)

_TAIL = timedelta(hours=6)
_WHOLE_HOUR = 2  # the hour of the day, UTC, in which the whole chain is verified


@dataclass(frozen=True, slots=True)
class AnchorReport:
    """The outcome of a run.

    Attributes:
        anchor: The anchor of this hour.
        verification: The outcome of the verification.
        foreign: Names of objects among the anchors that are none.
    """

    anchor: AuditAnchor
    verification: Verification
    foreign: tuple[str, ...]

    @property
    def problem_count(self) -> int:
        """The number of problems of the chain and of its anchors."""
        return self.verification.problem_count + len(self.foreign)


@dataclass(frozen=True, slots=True)
class AuditAnchorer:
    """Verifies the chain against earlier anchors, then stores an anchor.

    Attributes:
        store: The chain.
        anchors: The anchors.
    """

    store: AuditStore
    anchors: AnchorStore

    def anchor(self, now: datetime) -> AnchorReport:
        """Verify what is new since an anchor of the last hours, and once a day the whole chain.

        A damaged chain is anchored too: earlier anchors keep contradicting it.

        Args:
            now: The time.
        """
        is_whole = now.hour == _WHOLE_HOUR
        found = self.anchors.read_all() if is_whole else self.anchors.read_recent(now - _TAIL, now)
        anchored = 0 if is_whole or not found.anchors else found.anchors[0].head.sequence
        first = max(1, anchored)  # the anchored entry itself, so that a missing one is found
        entries = self.store.read_entries(first - 1)
        verification = verify_chain(entries, found.anchors, first)
        head = verification.head if verification.entries else self.store.read_head()
        anchor = AuditAnchor.at(now, head)
        self.anchors.write(anchor)
        return AnchorReport(anchor, verification, tuple(found.foreign))
