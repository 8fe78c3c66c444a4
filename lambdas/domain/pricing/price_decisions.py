"""The next state of price updates: after a check, and after an operator's decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from lambdas.domain.pricing.editions import (
    Edition,
    EditionSummary,
    HeldPrice,
    HoldReason,
    ListedRate,
    PriceChange,
    PriceUpdates,
    RateKey,
    SupersededEdition,
    name_edition,
)
from lambdas.domain.pricing.price_review import (
    KnownItems,
    OfferedRate,
    first_day_after,
    list_changes,
)

ALL = "all"
"""Stands for every held price, see `accept` and `reject`."""
_MAX_REASON = 500


class DecisionRefusedError(Exception):
    """A decision cannot be carried out. The text says why and what to do."""


class NextState(NamedTuple):
    """The state that follows another one.

    Attributes:
        updates: The pointer.
        edition: The edition that it points to, if that is a new one.
        changes: The number of changes that the edition adds.
    """

    updates: PriceUpdates
    edition: Edition | None = None
    changes: int = 0


Decide: TypeAlias = Callable[[PriceUpdates, Edition | None], NextState]
"""Makes the next state from the pointer and the edition that it points to."""


def add_rates(
    updates: PriceUpdates,
    current: Edition | None,
    rates: Sequence[OfferedRate],
    *,
    reason: str,
    now: datetime,
) -> NextState:
    """Add rates to the book by a new edition; without rates, publish no edition."""
    if not rates:
        return NextState(updates)
    first_day = first_day_after(now)
    edition_id = _name(updates, reason, now, (offered.rate.model_dump_json() for offered in rates))
    edition = Edition(
        id=edition_id,
        published_at=now,
        first_day=first_day,
        changes=(
            *(current.changes if current else ()),
            *list_changes(rates, edition=edition_id, effective_from=first_day),
        ),
        superseded=current.superseded if current else (),
    )
    return _point_to(edition, updates, reason, len(rates))


def accept(ids: Collection[str], now: datetime) -> Decide:
    """Publish held or rejected candidates as an edition.

    Other held prices of the same thing count as rejected.

    Args:
        ids: Their short names; `ALL` selects everything that is held and has one new price.
        now: The time.

    Returns:
        A decision, which raises `DecisionRefusedError` where it names nothing that has a price,
        or several prices of the same thing.
    """

    def decide(updates: PriceUpdates, current: Edition | None) -> NextState:
        if _is_all(ids):
            chosen = [entry for entry in updates.held if _has_one_price(entry)]
        else:
            chosen = _choose(ids, (*updates.held, *updates.settled))
        changed = KnownItems(change.key for change in _in_force(current))
        rates = [
            OfferedRate(
                entry.offer,
                entry.rate,
                entry.read_on,
                is_first=entry.is_first and changed.is_first(entry.rate.key),
            )
            for entry in chosen
            if entry.rate is not None
        ]
        if len(rates) < len(chosen):
            without = ", ".join(entry.id for entry in chosen if entry.rate is None)
            message = (
                f"{without}: there is no new price to accept. Reject it, and it is no longer"
                " listed; the old price stays in any case."
            )
            raise DecisionRefusedError(message)
        if not rates:
            message = (
                "no price is held that can be accepted. Where several are listed, accept one of"
                " them by its name."
            )
            raise DecisionRefusedError(message)
        _refuse_rivals(chosen)
        reason = f"accepted: {', '.join(entry.id for entry in chosen)}"[:_MAX_REASON]
        decided = _reject_rivals(_without(updates, chosen), chosen)
        return add_rates(decided, current, rates, reason=reason, now=now)

    return decide


def reject(ids: Collection[str]) -> Decide:
    """Keep the old prices. The same candidates are not held again.

    Args:
        ids: Their short names; `ALL` selects everything that is held.

    Returns:
        A decision, which raises `DecisionRefusedError` where it names nothing that is held.
    """

    def decide(updates: PriceUpdates, _current: Edition | None) -> NextState:
        chosen = list(updates.held) if _is_all(ids) else _choose(ids, updates.held)
        if not chosen:
            message = "no price is held."
            raise DecisionRefusedError(message)
        left = _without(updates, chosen)
        return NextState(left.model_copy(update={"settled": (*left.settled, *chosen)}))

    return decide


def supersede(edition_id: str, reason: str, now: datetime) -> Decide:
    """Remove the changes of an edition from the book, from its first day on.

    The same candidates count as rejected, so that the next check does not bring them back.

    Returns:
        A decision, which raises `DecisionRefusedError` where no change of the edition is in force.
    """

    def decide(updates: PriceUpdates, current: Edition | None) -> NextState:
        in_force = _in_force(current)
        gone = [change for change in in_force if change.edition == edition_id]
        if current is None or not gone:
            others = ", ".join(dict.fromkeys(change.edition for change in in_force)) or "none"
            message = f"no change of edition {edition_id} is in force; in force: {others}."
            raise DecisionRefusedError(message)
        first_day = min(change.effective_from for change in gone)
        entry = SupersededEdition(
            edition=edition_id, first_day=first_day, superseded_at=now, reason=reason
        )
        edition = Edition(
            id=_name(updates, reason, now, [edition_id]),
            published_at=now,
            first_day=first_day,
            changes=current.changes,
            superseded=(*current.superseded, entry),
        )
        rejected = [
            HeldPrice(
                reason=HoldReason.SUPERSEDED,
                offer=change.offer,
                since=now,
                name=change.model_id,
                rate=ListedRate.from_key(change.key, change.usd),
                read_on=change.read_on,
                is_first=change.effective_from == date.min,
            )
            for change in gone
        ]
        settled = updates.model_copy(update={"settled": (*updates.settled, *rejected)})
        return _point_to(edition, settled, f"supersedes {edition_id}: {reason}"[:_MAX_REASON], 0)

    return decide


def _choose(ids: Collection[str], entries: Iterable[HeldPrice]) -> list[HeldPrice]:
    by_id = {entry.id: entry for entry in entries}
    unknown = sorted(set(ids) - by_id.keys())
    if not ids:
        message = f"name held prices, or {ALL}."
        raise DecisionRefusedError(message)
    if unknown:
        verb = "is" if len(unknown) == 1 else "are"
        message = f"{', '.join(unknown)} {verb} not held: make price-updates lists what is."
        raise DecisionRefusedError(message)
    return [by_id[each] for each in sorted(set(ids))]


def _is_all(ids: Collection[str]) -> bool:
    """Say if `ALL` is named; it goes with no other name."""
    if ALL in ids and set(ids) != {ALL}:
        message = f"name either {ALL} or prices by their names."
        raise DecisionRefusedError(message)
    return ALL in ids


def _has_one_price(entry: HeldPrice) -> bool:
    return entry.rate is not None and entry.reason is not HoldReason.AMBIGUOUS


def _refuse_rivals(chosen: Iterable[HeldPrice]) -> None:
    """Refuse several prices of the same thing: the order would decide which of them holds."""
    by_key: defaultdict[RateKey, list[str]] = defaultdict(list)
    for entry in chosen:
        if entry.rate is not None:
            by_key[entry.rate.key].append(entry.id)
    rivals = next((ids for ids in by_key.values() if len(ids) > 1), None)
    if rivals is not None:
        message = f"{', '.join(rivals)} are prices of the same thing: accept one of them."
        raise DecisionRefusedError(message)


def _reject_rivals(updates: PriceUpdates, chosen: Iterable[HeldPrice]) -> PriceUpdates:
    """Remove other held prices of the same thing."""
    keys = {entry.rate.key for entry in chosen if entry.rate is not None}
    rivals = [entry for entry in updates.held if entry.rate and entry.rate.key in keys]
    left = _without(updates, rivals)
    return left.model_copy(update={"settled": (*left.settled, *rivals)})


def _in_force(current: Edition | None) -> Sequence[PriceChange]:
    return () if current is None else current.changes_in_force


def _without(updates: PriceUpdates, chosen: Iterable[HeldPrice]) -> PriceUpdates:
    left = {entry.id for entry in chosen}
    return updates.model_copy(
        update={
            "held": tuple(entry for entry in updates.held if entry.id not in left),
            "settled": tuple(entry for entry in updates.settled if entry.id not in left),
        }
    )


def _point_to(edition: Edition, updates: PriceUpdates, reason: str, changes: int) -> NextState:
    summary = EditionSummary(
        id=edition.id,
        published_at=edition.published_at,
        first_day=edition.first_day,
        changes=changes,
        reason=reason,
    )
    pointer = updates.model_copy(
        update={"edition": edition.id, "editions": (*updates.editions, summary)}
    )
    return NextState(pointer, edition, changes)


def _name(updates: PriceUpdates, reason: str, now: datetime, content: Iterable[str]) -> str:
    return name_edition(now, "\n".join([updates.edition or "", reason, *content]))
