"""Decides when the prices that calls are counted at change, and which calls that affects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from lambdas.domain.counters.recounts import (
    ANNOUNCEMENT,
    AffectedCalls,
    CountingState,
    PriceEdition,
    Recount,
)
from lambdas.domain.pricing import GUARDRAILS, Price, PriceBook
from lambdas.domain.pricing.price_book import name_and_version

MAX_RECOUNTS = 8
"""Recounts whose marks matter at a time: each is one more read for every change."""
_PROCESS_LIFETIME = timedelta(minutes=15)  # of a process of the deployment before


def begin_counting(
    prices: PriceEdition,
    deployment: str,
    now: datetime,
    known: CountingState | None,
    *,
    force: bool = False,
) -> CountingState | None:
    """Begin a new generation of cells, unless this deployment can go on with the known one.

    The first recount of a generation counts the calls that the ledger has by then. So a generation
    that begins while the stream already runs is as complete as one that began before it.

    A recount that is not finished while its marks last ends in a new generation as well.

    Args:
        prices: The edition in force.
        deployment: The id of this deployment.
        now: The time.
        known: The state as it is stored; `None` where none is.
        force: Begin in any case.

    Returns:
        The state to store; `None` where the known one stays.
    """
    if known is None:
        return CountingState(1, deployment, prices, (_count_all(1, now),), now, revision=1)
    may_be_older = now < known.counted_since + _PROCESS_LIFETIME  # this process
    is_good = known.fits(deployment, prices.deployed) and not known.is_overdue(now)
    if not force and (is_good or may_be_older):
        return None
    return known.following(
        generation=known.generation + 1,
        deployment=deployment,
        prices=prices,
        recounts=(_count_all(known.last_number + 1, now),),
        counted_since=now,
        last_number=known.last_number + 1,
    )


def change_prices(
    state: CountingState, prices: PriceEdition, affected: AffectedCalls | None, now: datetime
) -> CountingState | None:
    """Take another edition of prices, with a recount of the calls that it affects.

    Args:
        state: The state as it is stored.
        prices: The edition in force, of the same deployment.
        affected: The calls that cost something else with it; `None` if there are none.
        now: The time.

    Returns:
        The state to store; `None` where it stays for now.
    """
    if prices == state.prices or state.scanning is not None:
        return None
    recounts = tuple(each for each in state.recounts if each.has_marks_that_matter(now))
    if affected is None or _is_far(affected.start, now):
        return state.following(prices=prices, recounts=recounts)
    if len(recounts) >= MAX_RECOUNTS:
        return None
    number = state.last_number + 1
    recount = Recount(number, state.prices, affected, now)
    return state.following(prices=prices, recounts=(*recounts, recount), last_number=number)


def find_affected(before: PriceBook, after: PriceBook) -> AffectedCalls | None:
    """Find the calls that may cost something else with another book; `None` if no price differs."""
    changed = [*_missing(before, after), *_missing(after, before)]
    if not changed:
        return None
    names = frozenset(name_and_version(price.model_id)[0] for price in changed)
    first_day = min(price.effective_from or date.min for price in changed)
    return AffectedCalls(
        start=None if first_day == date.min else datetime.combine(first_day, time(), UTC),
        models=None if GUARDRAILS in names else names,
    )


def _missing(prices: Iterable[Price], book: PriceBook) -> list[Price]:
    """The prices that a book does not have."""
    rows: dict[str, list[Price]] = {}
    for price in book:
        rows.setdefault(price.model_id, []).append(price)
    return [price for price in prices if price not in rows.get(price.model_id, ())]


def _is_far(start: datetime | None, now: datetime) -> bool:
    """Say if no batch that takes the edition before can hold such a call."""
    return start is not None and start > now + 2 * ANNOUNCEMENT


def _count_all(number: int, now: datetime) -> Recount:
    return Recount(number, None, AffectedCalls(), now)
