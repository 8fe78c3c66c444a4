"""The price book: all known list prices, by model, scope, tier and date. Rows are only added."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

from lambdas.domain.pricing.price import (
    BATCH_TIER,
    BilledUnit,
    Price,
    PriceBasis,
    Routing,
    TokenKind,
)
from lambdas.domain.pricing.routes import Route, get_partition, get_scope

# `anthropic.claude-sonnet-4-6`, `...-v1`, `...-v1:0` and `...-v1:0:200k` are one model. `-v2` is
# another one than `-v1`.
_VERSION = re.compile(r"(?P<name>.+?)(?:-v(?P<version>\d+))?(?::\d+(?::\w+)?)?")
_MAX_MEMOIZED = 4096
_Kind = TypeVar("_Kind", TokenKind, BilledUnit)
_BASIS = {
    Routing.REGION: PriceBasis.REGION,
    Routing.GEOGRAPHY: PriceBasis.GEOGRAPHY,
    Routing.GLOBAL: PriceBasis.GLOBAL,
}


class PriceConflictError(Exception):
    """Two prices of one model, scope, tier and first day differ. The text names them."""


class ListRate(NamedTuple):
    """The list price of one kind of tokens, or of one unit, and where it stands.

    Attributes:
        usd: US dollars for a million tokens, or for one unit.
        basis: The kind of scope that has it, or `ASSUMED`.
        price: Its row in the book.
        above_input_tokens: The size of a call above which it holds.
    """

    usd: Decimal
    basis: PriceBasis
    price: Price
    above_input_tokens: int = 0


@dataclass(frozen=True)
class CallPrices:
    """The list prices of calls of one model, route, day and service tier.

    Attributes:
        prices: Rows that can hold, each with its basis: the closest scope first, in a scope the
            newest row first.
        assumed: Rows of the whole partition in the same tier. The highest one can be used instead;
            in a scope the newest row first.
        large_from: The input tokens above which the model has a price of large calls, in any scope
            and tier of calls; a row without one lists no price of such calls.
    """

    prices: tuple[tuple[PriceBasis, Price], ...] = ()
    assumed: tuple[Price, ...] = ()
    large_from: int | None = None
    _by_step: dict[int, Mapping[TokenKind, ListRate]] = field(
        default_factory=dict, init=False, compare=False
    )

    def __bool__(self) -> bool:
        """False without any price."""
        return bool(self.prices or self.assumed)

    @property
    def listed_as(self) -> str | None:
        """The model's id as the closest price spells it; `None` where no price was found."""
        return next((price.model_id for price in self._rows), None)

    @cached_property
    def unit_rates(self) -> Mapping[BilledUnit, ListRate]:
        """The rates of other units than tokens; a unit left out has no known price."""
        return self._rates(lambda price: (price.usd_per_unit, 0))

    def token_rates(self, total_input_tokens: int) -> Mapping[TokenKind, ListRate]:
        """The rates of a call that reads so many tokens; a kind left out has no known price."""
        step = bisect_left(self._sizes, total_input_tokens)
        found = self._by_step.get(step)
        if found is None:
            size = self._sizes[step - 1] + 1 if step else 0
            found = self._by_step[step] = self._token_rates(size)
        return found

    @property
    def _rows(self) -> tuple[Price, ...]:
        return (*(price for _, price in self.prices), *self.assumed)

    @cached_property
    def _sizes(self) -> list[int]:
        """The sizes of calls above which rates change."""
        sizes = {rates.above_input_tokens for price in self._rows for rates in price.rates}
        return sorted((sizes | {self.large_from or 0}) - {0})

    def _token_rates(self, size: int) -> Mapping[TokenKind, ListRate]:
        def get_usd(price: Price) -> tuple[Mapping[TokenKind, Decimal], int]:
            rates = price.get_rates(size)
            is_large = self.large_from is not None and size > self.large_from
            if is_large and not any(step.above_input_tokens for step in price.rates):
                return {}, 0
            return rates.usd_per_million, rates.above_input_tokens

        return self._rates(get_usd)

    def _rates(
        self, get_usd: Callable[[Price], tuple[Mapping[_Kind, Decimal], int]]
    ) -> dict[_Kind, ListRate]:
        found: dict[_Kind, ListRate] = {}
        for basis, own in self.prices:
            usd_by_kind, size = get_usd(own)
            for kind, usd in usd_by_kind.items():
                found.setdefault(kind, ListRate(usd, basis, own, size))
        assumed: dict[_Kind, ListRate] = {}
        superseded = set[tuple[object, ...]]()
        for price in self.assumed:
            usd_by_kind, size = get_usd(price)
            for kind, usd in usd_by_kind.items():
                entry = price.model_id, price.service_tier, price.routing, price.place, kind
                if entry in superseded:
                    continue
                superseded.add(entry)
                if kind not in assumed or usd > assumed[kind].usd:
                    assumed[kind] = ListRate(usd, PriceBasis.ASSUMED, price, size)
        return assumed | found


_NO_PRICES = CallPrices()


class PriceBook:
    """Prices that can be looked up, and added to by making a new book.

    Attributes:
        edition: The name of this state of the book.

    Example:
        >>> bool(PriceBook([]).get_prices("m", read_route("m", "us-east-1"), date(2026, 9, 8)))
        False
    """

    def __init__(self, prices: Iterable[Price], *, edition: str = "") -> None:
        """Make a book.

        Raises:
            PriceConflictError: Two prices of one model, scope, tier and first day differ, and
                neither gives a reason why it supersedes the other.
        """
        self.edition = edition
        self._prices = _checked(prices)
        self._by_name: defaultdict[str, defaultdict[str | None, list[Price]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for price in self._prices:
            name, version = name_and_version(price.model_id)
            self._by_name[name][version].append(price)
        self._memoized = lru_cache(_MAX_MEMOIZED)(self._look_up)
        self._memoized_highest = lru_cache(_MAX_MEMOIZED)(self._find_highest_prices)

    def __iter__(self) -> Iterator[Price]:
        """All prices, in order of model, scope, tier and date."""
        return iter(self._prices)

    def __len__(self) -> int:
        """The number of prices."""
        return len(self._prices)

    @cached_property
    def size_steps(self) -> tuple[int, ...]:
        """The sizes of calls, in input tokens, above which any price of the book changes."""
        sizes = {rates.above_input_tokens for price in self._prices for rates in price.rates}
        return tuple(sorted(sizes - {0}))

    def knows(self, model_id: str) -> bool:
        """Say if a model has a price on any day, in any scope."""
        return bool(self._spellings(model_id))

    def get_prices(
        self, model_id: str, route: Route, day: date, service_tier: str | None = None
    ) -> CallPrices:
        """Look up the list prices of calls.

        Args:
            model_id: The foundation model.
            route: The way and the Region in which it was called.
            day: The day of the calls, UTC.
            service_tier: The tier that served them; `None` for the standard one.

        Returns:
            Prices; of each kind the closest scope that lists it decides, else the highest listed
            price of the partition is assumed.
        """
        return self._memoized(model_id, route, day, service_tier)

    def get_highest_prices(self, partition: str, day: date) -> CallPrices:
        """Get the highest listed prices of calls in a partition, of any model and tier, as assumed.

        Prices of batch jobs are not among them.
        """
        return self._memoized_highest(partition, day)

    def _look_up(
        self, model_id: str, route: Route, day: date, service_tier: str | None
    ) -> CallPrices:
        begun = [
            price
            for prices in self._spellings(model_id)
            for price in prices
            if price.holds_on(day) and _is_batch(price.service_tier) == _is_batch(service_tier)
        ]
        begun.sort(key=_newest, reverse=True)  # of the same day, the same spelling goes first
        rows = [price for price in begun if price.service_tier == service_tier]
        if not rows:
            return _NO_PRICES
        own = tuple(
            (_BASIS[scope[0]], price)
            for scope in route.scopes
            for price in rows
            if get_scope(price) == scope
        )
        partition = route.partition
        listed = [price for price in rows if get_partition(price.place) == partition]
        return CallPrices(own, tuple(listed), _large_from(begun))

    def _find_highest_prices(self, partition: str, day: date) -> CallPrices:
        rows = sorted(self._prices, key=_newest, reverse=True)
        listed = [
            price
            for price in rows
            if price.holds_on(day)
            and get_partition(price.place) == partition
            and not _is_batch(price.service_tier)
        ]
        return CallPrices((), tuple(listed))

    def _spellings(self, model_id: str) -> Sequence[Sequence[Price]]:
        """The prices of a model by the spellings of its version: the same one first."""
        name, version = name_and_version(model_id)
        by_version: Mapping[str | None, list[Price]] = self._by_name.get(name, {})
        known = [each for each in by_version if each is not None]
        spelled = (version, None) if version else (None, *(known if len(known) == 1 else ()))
        return [by_version[each] for each in spelled if each in by_version]


def _is_batch(service_tier: str | None) -> bool:
    """Say if a tier is that of batch jobs, whose prices say nothing about those of calls."""
    return service_tier == BATCH_TIER


def _large_from(newest_first: Iterable[Price]) -> int | None:
    """The smallest size of a large call in the newest rows of each scope and tier."""
    newest: dict[tuple[object, ...], Price] = {}
    for price in newest_first:
        newest.setdefault((price.service_tier, get_scope(price)), price)
    sizes = {rates.above_input_tokens for price in newest.values() for rates in price.rates}
    return min(sizes - {0}, default=None)


@lru_cache(_MAX_MEMOIZED)  # a book names each model many times
def name_and_version(model_id: str) -> tuple[str, str | None]:
    """A model's name and its version, where it has one."""
    found = _VERSION.fullmatch(model_id)
    return (found["name"], found["version"]) if found else (model_id, None)


def is_same_model(one: str, other: str) -> bool:
    """Say if two ids are of one model; a version that one of the two leaves out is any."""
    (name, version), (other_name, other_version) = map(name_and_version, (one, other))
    return name == other_name and (version == other_version or None in (version, other_version))


def _checked(prices: Iterable[Price]) -> list[Price]:
    """The prices in order, each once, without two that contradict each other."""
    by_key: defaultdict[tuple[str, str, str, str, date], list[Price]] = defaultdict(list)
    for price in prices:
        rows = by_key[_order(price)]
        if price not in rows:
            for other in rows:
                _refuse_conflict(other, price)
            rows.append(price)
    return [
        price
        for key in sorted(by_key)
        for price in sorted(by_key[key], key=lambda row: (_newest(row), row.source, row.read_on))
    ]


def _refuse_conflict(known: Price, price: Price) -> None:
    if _newest(known) != _newest(price) or not _differ(known, price):
        return
    tier = f", {price.service_tier}" if price.service_tier else ""
    message = (
        f"two prices of {price.model_id} ({price.routing} {price.place}{tier}) from"
        f" {price.effective_from or 'the beginning'} on, of {known.source} and of"
        f" {price.source}, differ. A price is never overwritten: give the new one a"
        " later date, or a reason why it supersedes the other."
    )
    raise PriceConflictError(message)


def _differ(one: Price, other: Price) -> bool:
    """Say if two prices of one day list the same kind or unit at different prices."""
    sizes = {rates.above_input_tokens for price in (one, other) for rates in price.rates}
    pairs: list[tuple[Mapping[TokenKind, Decimal], Mapping[TokenKind, Decimal]]] = [
        (one.get_rates(size + 1).usd_per_million, other.get_rates(size + 1).usd_per_million)
        for size in sizes
    ]
    units = one.usd_per_unit.keys() & other.usd_per_unit.keys()
    return any(
        left[kind] != right[kind] for left, right in pairs for kind in left.keys() & right.keys()
    ) or any(one.usd_per_unit[unit] != other.usd_per_unit[unit] for unit in units)


def _newest(price: Price) -> tuple[date, date]:
    """The sort key of the rows of a scope: a row that gives a reason supersedes others."""
    return price.effective_from or date.min, price.read_on if price.reason else date.min


def _order(price: Price) -> tuple[str, str, str, str, date]:
    tier, begins = price.service_tier or "", price.effective_from or date.min
    return price.model_id, price.routing, price.place, tier, begins
