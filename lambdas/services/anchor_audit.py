"""Verifies the chain of the audit trail, and anchors its head each hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.audit import (
    AnchorStore,
    AuditAnchor,
    AuditStore,
    FoundAnchors,
    PastVerification,
    Verification,
    find_missing_anchors,
    verify_chain,
    verify_trail,
)

_TAIL = timedelta(hours=6)
_DAY = timedelta(days=1)


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
        """Verify what is new since an anchor of the last hours, or all of the trail.

        All of it is verified if that was last done a day ago or found problems: a problem is
        reported by each run until it is gone. Missing anchors are reported for a day, since nothing
        brings them back. A damaged chain is anchored too: earlier anchors keep contradicting it.

        Args:
            now: The time.
        """
        found, verification = self._verify_recent(now) or self._verify_all(now)
        head = verification.head if verification.entries else self.store.read_head()
        anchor = AuditAnchor.at(now, head)
        self.anchors.write(anchor)
        return AnchorReport(anchor, verification, tuple(found.foreign))

    def _verify_recent(self, now: datetime) -> tuple[FoundAnchors, Verification] | None:
        """Verify what is new; `None` if all has to be verified, also because this has problems."""
        last = self.store.read_last_verification(now)
        if last is None or last.problem_count or now - last.at >= _DAY:
            return None
        found = self.anchors.read_recent(now - _TAIL, now)
        if not found.anchors or found.foreign or any(find_missing_anchors(found.anchors, now)):
            return None
        first = max(1, found.anchors[0].head.sequence)  # anchored itself: it may be missing
        verification = verify_chain(self.store.read_entries(first - 1), found.anchors, first)
        return (found, verification) if verification.is_intact else None

    def _verify_all(self, now: datetime) -> tuple[FoundAnchors, Verification]:
        found = self.anchors.read_all()
        verification = verify_trail(self.store, found.anchors, now, since=now - _DAY)
        count = verification.problem_count + len(found.foreign)
        self.store.add_verification(PastVerification(now, count))
        return found, verification
