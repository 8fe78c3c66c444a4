"""Compares what the AWS Price List says with the price book: what is new, and what is held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.pricing.editions import (
    HeldPrice,
    HoldReason,
    ListedRate,
    Listing,
    PriceChange,
    PriceUpdates,
    RateKey,
)
from lambdas.domain.pricing.overlay import PRICE_LIST, ListedFigure, figures_on
from lambdas.domain.pricing.price import Price, Routing
from lambdas.domain.pricing.price_book import PriceBook, name_and_version
from lambdas.domain.pricing.routes import EVERY_REGION, partition_of

MAX_FACTOR = 2
"""A candidate that changes a known price by more than this factor is held."""


class OfferedRate(NamedTuple):
    """A rate, the offer that lists it, and the day on which the offer was read."""

    offer: str
    rate: ListedRate
    read_on: date


@dataclass(frozen=True, slots=True)
class Review:
    """The outcome of a comparison.

    Attributes:
        news: Rates that become part of an edition.
        held: Candidates that wait for a decision.
        settled: Rejected candidates that the list still has.
    """

    news: tuple[OfferedRate, ...]
    held: tuple[HeldPrice, ...]
    settled: tuple[HeldPrice, ...]


def first_day_after(now: datetime) -> date:
    """The first day on which an edition holds: when every function has long reloaded its book."""
    return now.date() + timedelta(days=1)


def changes_of(
    rates: Iterable[OfferedRate], *, edition: str, effective_from: date
) -> tuple[PriceChange, ...]:
    """Make the changes of an edition from rates."""
    return tuple(
        PriceChange(
            **rate.model_dump(),
            effective_from=effective_from,
            edition=edition,
            offer=offer,
            read_on=read_on,
        )
        for offer, rate, read_on in rates
    )


def review_listings(
    listings: Sequence[Listing],
    *,
    before: Sequence[Listing],
    book: PriceBook,
    updates: PriceUpdates,
    now: datetime,
) -> Review:
    """Compare all listings of a Region with the book in force.

    Args:
        listings: The listings of all offers.
        before: The listings of the last check. A price for which the book gives a reason why it
            follows another source stays, until the list changes it.
        book: The price book in force.
        updates: What is held and what was rejected so far.
        now: The time.
    """
    known = _KnownPrices(book, first_day_after(now))
    candidates = _spelled(listings, known, now.date())
    unmapped = sorted({(it.offer, name) for it in listings for name in it.unmapped_names})
    since = {held.id: held.since for held in (*updates.held, *updates.settled)}
    rejected = {(held.rate.key, held.rate.usd) for held in updates.settled if held.rate}

    def hold(offered: OfferedRate, reason: HoldReason) -> HeldPrice:
        offer, rate, read_on = offered
        is_removed = reason is HoldReason.REMOVED
        return _since_first_seen(
            HeldPrice(
                reason=reason,
                offer=offer,
                since=now,
                name=rate.model_id,
                rate=None if is_removed else rate,
                removed=rate if is_removed else None,
                usd_before=known.usd(rate.key),
                read_on=read_on,
            ),
            since,
        )

    said_before = _spelled(before, known, now.date())
    news: list[OfferedRate] = []
    held: list[HeldPrice] = []
    for key, offered in candidates.items():
        fresh = [it for it in offered if not known.has(it.rate)]
        if len(fresh) < len(offered):
            continue  # one of the offers says what the book says
        fresh = [it for it in fresh if (key, it.rate.usd) not in rejected]
        if len(offered) > 1:
            held.extend(hold(it, HoldReason.AMBIGUOUS) for it in fresh)
            continue
        for it in fresh:
            if known.is_chosen(key) and not _has_changed(it.rate, said_before.get(key)):
                continue
            reason = known.doubt(it.rate)
            if reason is None:
                news.append(it)
            else:
                held.append(hold(it, reason))
    held.extend(
        hold(it, HoldReason.REMOVED) for it in _removed(candidates, said_before, updates, known)
    )
    held.extend(
        _since_first_seen(
            HeldPrice(
                reason=HoldReason.UNMAPPED_NAME,
                offer=offer,
                since=now,
                name=name,
                read_on=now.date(),
            ),
            since,
        )
        for offer, name in unmapped
    )
    settled = tuple(
        entry
        for entry in updates.settled
        if _is_still_said(entry, candidates, {name for _, name in unmapped})
    )
    refused = {entry.id for entry in settled}
    return Review(tuple(news), tuple(entry for entry in held if entry.id not in refused), settled)


class _KnownPrices:
    """The prices of a book on a day, looked up as candidates name them."""

    def __init__(self, book: PriceBook, day: date) -> None:
        self._figures = figures_on(book, day)
        self._spellings: defaultdict[str, dict[str | None, str]] = defaultdict(dict)
        self._sizes: defaultdict[str, set[int]] = defaultdict(set)
        self._elsewhere: defaultdict[tuple[object, ...], list[Decimal]] = defaultdict(list)
        for key, figure in self._figures.items():
            name, version = name_and_version(key.model_id)
            self._spellings[name].setdefault(version, key.model_id)
            self._elsewhere[_apart_from_place(key)].append(figure.usd)

    def spell(self, model_id: str) -> str:
        """A model's id as the book spells it."""
        name, version = name_and_version(model_id)
        spellings = self._spellings.get(name, {})
        if version in spellings:
            return spellings[version]
        others = (
            [*spellings.values()] if version is None else [*filter(None, [spellings.get(None)])]
        )
        return others[0] if len(others) == 1 else model_id

    def usd(self, key: RateKey) -> Decimal | None:
        """The price of a key, in its own scope or in one that holds in its place."""
        found = self._find(key)
        return None if found is None else found.usd

    def is_chosen(self, key: RateKey) -> bool:
        """Say if the book gives a reason why it follows another source than the list."""
        found = self._find(key)
        if found is None or not isinstance(found.source, Price):
            return False
        return found.source.reason is not None and not found.source.source.startswith(PRICE_LIST)

    def _find(self, key: RateKey) -> ListedFigure | None:
        found = self._figures.get(key)
        if found is None and key.routing is Routing.GLOBAL:
            return self._figures.get(key._replace(place=EVERY_REGION))
        return found

    def has(self, rate: ListedRate) -> bool:
        """Say if the book has this very price."""
        return self.usd(rate.key) == rate.usd

    def doubt(self, rate: ListedRate) -> HoldReason | None:
        """Say why a candidate is held; `None` where it is not.

        Where the place has no price yet, calls have been taken at prices of other places: a
        candidate has to fit these.
        """
        before = self.usd(rate.key)
        others = [before] if before is not None else self._elsewhere[_apart_from_place(rate.key)]
        if not rate.usd and any(others or [Decimal(1)]):
            return HoldReason.NEW_ZERO
        if not others:
            return None
        is_large = rate.usd > MAX_FACTOR * max(others) or rate.usd * MAX_FACTOR < min(others)
        return HoldReason.LARGE_CHANGE if is_large else None


def _apart_from_place(key: RateKey) -> tuple[object, ...]:
    tier, item, size = key.service_tier, key.item, key.above_input_tokens
    return name_and_version(key.model_id), partition_of(key.place), tier, item, size


def _spelled(
    listings: Iterable[Listing], known: _KnownPrices, read_on: date
) -> dict[RateKey, list[OfferedRate]]:
    """The candidates by key, one for each different price."""
    found: dict[RateKey, list[OfferedRate]] = {}
    for listing in listings:
        for listed in listing.rates:
            spelling = known.spell(listed.model_id)
            rate = listed.model_copy(update={"model_id": spelling})
            others = found.setdefault(rate.key, [])
            if rate.usd not in {other.rate.usd for other in others}:
                others.append(OfferedRate(listing.offer, rate, read_on))
    return found


def _removed(
    candidates: Mapping[RateKey, object],
    before: Mapping[RateKey, Sequence[OfferedRate]],
    updates: PriceUpdates,
    known: _KnownPrices,
) -> Iterator[OfferedRate]:
    """Prices of the last check, and held ones of earlier checks, that the list no longer has."""
    gone = {
        key: offered[0]
        for key, offered in before.items()
        if key not in candidates and known.usd(key) is not None
    }
    for entry in updates.held:
        if entry.removed is not None and entry.removed.key not in candidates:
            gone.setdefault(
                entry.removed.key, OfferedRate(entry.offer, entry.removed, entry.read_on)
            )
    yield from gone.values()


def _has_changed(rate: ListedRate, before: Sequence[OfferedRate] | None) -> bool:
    """Say if the list has another price than at the last check."""
    return before is not None and all(offered.rate.usd != rate.usd for offered in before)


def _is_still_said(
    entry: HeldPrice,
    candidates: Mapping[RateKey, Sequence[OfferedRate]],
    unmapped: Collection[str],
) -> bool:
    if entry.rate is not None:
        said = candidates.get(entry.rate.key, ())
        return any(entry.rate.usd == offered.rate.usd for offered in said)
    if entry.removed is not None:
        return entry.removed.key not in candidates
    return entry.name in unmapped


def _since_first_seen(entry: HeldPrice, since: Mapping[str, datetime]) -> HeldPrice:
    first = since.get(entry.id)
    return entry if first is None else entry.model_copy(update={"since": first})
