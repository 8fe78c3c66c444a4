"""Changes of held prices and editions in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lambdas.domain.audit.entry import AuditAction, AuditedChange, Json
from lambdas.domain.audit.people import read_actor
from lambdas.domain.pricing.editions import HeldPrice, PriceDecision, PriceUpdates

PRICES = "prices"
"""The subject of these changes."""
_ACTIONS = {
    PriceDecision.CHECK: AuditAction.UPDATE_PRICES,
    PriceDecision.ACCEPT: AuditAction.ACCEPT_PRICES,
    PriceDecision.REJECT: AuditAction.REJECT_PRICES,
    PriceDecision.SUPERSEDE: AuditAction.SUPERSEDE_PRICES,
}


def describe_price_change(
    before: PriceUpdates | None, after: PriceUpdates | None, *, source: str, changed_at: datetime
) -> AuditedChange | None:
    """Describe a change of the pointer of price updates.

    The states hold what differs: the edition in force, the prices that are held, and those that
    were rejected.

    Args:
        before: The pointer before; `None` if it cannot be read or there was none.
        after: The pointer afterwards; `None` if it cannot be read or was deleted.
        source: The id of its version.
        changed_at: The time at which it was written.

    Returns:
        The change; `None` if only the time of the last check has changed.
    """
    states = _describe(before, after), _describe(after, before)
    if states[0] == states[1]:
        return None
    last = None if after is None else after.last_change
    is_marked = last is not None and (before is None or before.last_change != last)
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=read_actor(last.made_by) if last and is_marked else None,
        action=_ACTIONS[last.decision] if last and is_marked else AuditAction.CHANGE_PRICES,
        subject=PRICES,
        before=states[0],
        after=states[1],
    )


def _describe(updates: PriceUpdates | None, other: PriceUpdates | None) -> Json:
    """Describe what one pointer has and the other one has not, but for the edition."""
    if updates is None:
        return None
    held, settled = (other.held, other.settled) if other else ((), ())
    return {
        "edition": updates.edition,
        "reason": updates.editions[-1].reason if updates.editions else None,
        "held": _list_without(updates.held, held),
        "rejected": _list_without(updates.settled, settled),
    }


def _list_without(entries: Iterable[HeldPrice], others: Iterable[HeldPrice]) -> dict[str, str]:
    """List entries that are not among others: their ids, with what they are."""
    known = {entry.id for entry in others}
    return {
        entry.id: f"{entry.reason.value} {entry.name}" for entry in entries if entry.id not in known
    }
