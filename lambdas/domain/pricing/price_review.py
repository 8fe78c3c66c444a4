"""Compares the AWS Price List with the price book: new prices, and prices to hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.pricing.current_book import RELOAD_INTERVAL
from lambdas.domain.pricing.editions import (
    HeldPrice,
    HoldReason,
    ListedRate,
    Listing,
    PriceChange,
    PriceUpdates,
    RateKey,
)
from lambdas.domain.pricing.overlay import PRICE_LIST, ListedPrice, get_prices_on
from lambdas.domain.pricing.price import BilledUnit, Price, Routing
from lambdas.domain.pricing.price_book import PriceBook, name_and_version
from lambdas.domain.pricing.routes import EVERY_REGION, get_partition

MAX_FACTOR = 2
"""A candidate that changes a known price by more than this factor is held."""


class OfferedRate(NamedTuple):
    """A rate that an offer lists.

    Attributes:
        offer: The offer.
        rate: The rate.
        read_on: The day on which the offer was read.
        is_first: Whether no price of its model, tier and item was known in the partition. Calls
            that used it were published without a cost, so that it can hold for all of them.
    """

    offer: str
    rate: ListedRate
    read_on: date
    is_first: bool = False


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
    """The first day on which an edition holds: when every function has reloaded its book."""
    return (now + RELOAD_INTERVAL).date() + timedelta(days=1)


def list_changes(
    rates: Iterable[OfferedRate], *, edition: str, effective_from: date
) -> tuple[PriceChange, ...]:
    """Make the changes of an edition from rates.

    A first price holds for calls of the past as well: they wait for one.
    """
    return tuple(
        PriceChange(
            **offered.rate.model_dump(),
            effective_from=date.min if offered.is_first else effective_from,
            edition=edition,
            offer=offered.offer,
            read_on=offered.read_on,
        )
        for offered in rates
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
        updates: The held and the rejected candidates so far.
        now: The time.
    """
    known, today = _KnownPrices(book, first_day_after(now)), now.date()
    unmapped = {(each.offer, name) for each in listings for name in each.unmapped_names}
    candidates = _Candidates(
        known=known,
        listed=_spelled(listings, known, today),
        listed_before=_spelled(before, known, today),
        unmapped=sorted(unmapped),
        updates=updates,
        since={entry.id: entry.since for entry in (*updates.held, *updates.settled)},
        now=now,
    )
    news: list[OfferedRate] = []
    held: list[HeldPrice] = []
    for outcome in candidates.weigh():
        if isinstance(outcome, HeldPrice):
            held.append(outcome)
        else:
            news.append(outcome)
    settled = tuple(
        entry.model_copy(update={"is_first": known.items.is_first(entry.rate.key)})
        if entry.rate is not None
        else entry
        for entry in updates.settled
        if candidates.still_lists(entry)
    )
    rejected = {entry.id for entry in settled}
    waiting = tuple(entry for entry in held if entry.id not in rejected)
    return Review(tuple(news), waiting, settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidates:
    """All that the listings have, beside what is known.

    Attributes:
        known: The prices of the book.
        listed: The rates that are listed, by key; one for each different price.
        listed_before: The same at the last check.
        unmapped: Offers and the names in them without a known model.
        updates: The held and the rejected candidates so far.
        since: The times at which these were first held, by their short names.
        now: The time.
    """

    known: _KnownPrices
    listed: Mapping[RateKey, Sequence[OfferedRate]]
    listed_before: Mapping[RateKey, Sequence[OfferedRate]]
    unmapped: Sequence[tuple[str, str]]
    updates: PriceUpdates
    since: Mapping[str, datetime]
    now: datetime

    def weigh(self) -> Iterator[OfferedRate | HeldPrice]:
        """Every rate that is news, and everything that is held."""
        rejected = _collect_rates(self.updates.settled)
        waiting = _collect_rates(self.updates.held)
        for key, offered in self.listed.items():
            known = self.known.usd(key)
            is_known = any(known == candidate.rate.usd for candidate in offered)
            for candidate in offered:
                usd = candidate.rate.usd
                if usd == known or (key, usd) in rejected:
                    continue
                is_decided = self._is_old(key, usd) if is_known else self._is_chosen(key, usd)
                if is_decided and (key, usd) not in waiting:
                    continue
                is_ambiguous = len(offered) > 1
                doubt = HoldReason.AMBIGUOUS if is_ambiguous else self.known.doubt(candidate.rate)
                if doubt is None:
                    yield candidate._replace(is_first=self.known.items.is_first(key))
                else:
                    yield self._hold(candidate, doubt)
        for gone in self._removed():
            yield self._hold(gone, HoldReason.REMOVED)
        for offer, name in self.unmapped:
            yield self._dated(
                HeldPrice(
                    reason=HoldReason.UNMAPPED_NAME,
                    offer=offer,
                    since=self.now,
                    name=name,
                    read_on=self.now.date(),
                )
            )

    def still_lists(self, entry: HeldPrice) -> bool:
        """Say if the listings still have what was rejected."""
        if entry.rate is not None:
            offered = self.listed.get(entry.rate.key, ())
            return any(entry.rate.usd == candidate.rate.usd for candidate in offered)
        if entry.removed is not None:
            return entry.removed.key not in self.listed
        return entry.name in {name for _, name in self.unmapped}

    def _is_old(self, key: RateKey, usd: Decimal) -> bool:
        """Say if the list had a figure at the last check already, or the book decided on it."""
        before = self.listed_before.get(key, ())
        is_listed_before = any(known.rate.usd == usd for known in before)
        return is_listed_before or self._is_chosen(key, usd)

    def _is_chosen(self, key: RateKey, usd: Decimal) -> bool:
        """Say if the book follows another source, and the list has not changed since."""
        before = self.listed_before.get(key)
        has_changed = before is not None and all(known.rate.usd != usd for known in before)
        return self.known.is_chosen(key) and not has_changed

    def _removed(self) -> Iterator[OfferedRate]:
        """Prices of the last check, and held ones of earlier checks, that the list lost."""
        gone = {
            key: offered[0]
            for key, offered in self.listed_before.items()
            if key not in self.listed and self.known.usd(key) is not None
        }
        for entry in self.updates.held:
            if entry.removed is not None and entry.removed.key not in self.listed:
                lost = OfferedRate(entry.offer, entry.removed, entry.read_on)
                gone.setdefault(entry.removed.key, lost)
        yield from gone.values()

    def _hold(self, candidate: OfferedRate, reason: HoldReason) -> HeldPrice:
        rate = candidate.rate
        is_removed = reason is HoldReason.REMOVED
        return self._dated(
            HeldPrice(
                reason=reason,
                offer=candidate.offer,
                since=self.now,
                name=rate.model_id,
                rate=None if is_removed else rate,
                removed=rate if is_removed else None,
                usd_before=self.known.usd(rate.key),
                read_on=candidate.read_on,
                is_first=not is_removed and self.known.items.is_first(rate.key),
            )
        )

    def _dated(self, entry: HeldPrice) -> HeldPrice:
        """The entry with the time at which it was first held."""
        since = self.since.get(entry.id, self.now)
        return entry.model_copy(update={"since": since})


def _collect_rates(entries: Iterable[HeldPrice]) -> set[tuple[RateKey, Decimal]]:
    return {(entry.rate.key, entry.rate.usd) for entry in entries if entry.rate is not None}


class KnownItems:
    """The models, tiers and items that have a price in a partition."""

    def __init__(self, keys: Iterable[RateKey]) -> None:
        """Index the keys of all prices."""
        places = set(keys)
        self._items = {(*_model_and_tier(key), key.item) for key in places}
        self._models = {_model_and_tier(key) for key in places}

    def is_first(self, key: RateKey) -> bool:
        """Say if no call that used what a key is for can have had a cost.

        Other units than tokens can be part of the price of the tokens: for these the model must not
        have any price.
        """
        model = _model_and_tier(key)
        if isinstance(key.item, BilledUnit):
            return model not in self._models
        return (*model, key.item) not in self._items


class _KnownPrices:
    """The prices of a book on a day, looked up as candidates name them."""

    def __init__(self, book: PriceBook, day: date) -> None:
        self._prices = get_prices_on(book, day)
        self._spellings: defaultdict[str, dict[str | None, str]] = defaultdict(dict)
        self._sizes: defaultdict[str, set[int]] = defaultdict(set)
        self._elsewhere: defaultdict[tuple[object, ...], list[Decimal]] = defaultdict(list)
        for key, price in self._prices.items():
            name, version = name_and_version(key.model_id)
            self._spellings[name].setdefault(version, key.model_id)
            self._elsewhere[_apart_from_place(key)].append(price.usd)
        self.items = KnownItems(self._prices)

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

    def _find(self, key: RateKey) -> ListedPrice | None:
        found = self._prices.get(key)
        if found is None and key.routing is Routing.GLOBAL:
            return self._prices.get(key._replace(place=EVERY_REGION))
        return found

    def doubt(self, rate: ListedRate) -> HoldReason | None:
        """Get the reason to hold a candidate; `None` if it is not held.

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
    return name_and_version(key.model_id), get_partition(key.place), tier, item, size


def _model_and_tier(key: RateKey) -> tuple[object, ...]:
    """The model in any version, the partition and the tier of a key."""
    name, _ = name_and_version(key.model_id)
    return name, get_partition(key.place), key.service_tier


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
