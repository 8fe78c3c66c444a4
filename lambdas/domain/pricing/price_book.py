"""Every price there is, by model, area and date. What is in it is never overwritten."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

from lambdas.domain.pricing.areas import price_areas
from lambdas.domain.pricing.price import USUAL, Price

# `anthropic.claude-sonnet-4-6`, `...-v1`, `...-v1:0` and `...-v1:0:200k` are one model. `-v2` is
# another one than `-v1`.
_VERSION = re.compile(r"(?P<name>.+?)(?:-v(?P<version>\d+))?(?::\d+(?::\w+)?)?")
_LOOKUPS_REMEMBERED = 4096


class PriceConflictError(Exception):
    """Two prices of one model, area, tier and first day differ. The text names them."""


class PriceBook:
    """Prices that can be looked up, and added to by making a new book.

    Example:
        >>> PriceBook([]).price_of("m", "m", "us-east-1", date(2026, 9, 8)) is None
        True
    """

    def __init__(self, prices: Iterable[Price]) -> None:
        """Make a book.

        Raises:
            PriceConflictError: Two prices of one model, area, tier and first day differ.
        """
        self._prices: dict[tuple[str, str, str | None, date | None], Price] = {}
        for price in prices:
            key = (price.model_id, price.area, price.service_tier, price.effective_from)
            known = self._prices.setdefault(key, price)
            if known.rates != price.rates:
                message = (
                    f"two prices of {price.model_id} ({price.area}{_in_tier(price)}) from"
                    f" {price.effective_from or 'the beginning'} on, of {known.source} and of"
                    f" {price.source}, differ. A price is never overwritten: give the new one a"
                    " later date."
                )
                raise PriceConflictError(message)
        self._by_name: defaultdict[str, defaultdict[str | None, list[Price]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for price in self._prices.values():
            name, version = name_and_version(price.model_id)
            self._by_name[name][version].append(price)
        self._recall = lru_cache(_LOOKUPS_REMEMBERED)(self._look_up)

    def __iter__(self) -> Iterator[Price]:
        """All prices, in order of model, area, tier and date."""
        return iter(sorted(self._prices.values(), key=_order))

    def __len__(self) -> int:
        """How many prices there are."""
        return len(self._prices)

    def knows(self, model_id: str) -> bool:
        """Whether a model has a price, on whichever day and wherever it is called."""
        name, version = name_and_version(model_id)
        known: Mapping[str | None, list[Price]] = self._by_name.get(name, {})
        return bool(known) and (version is None or not known.keys().isdisjoint((version, None)))

    def price_of(
        self,
        model_id: str,
        invoked_model_id: str,
        region: str,
        day: date,
        service_tier: str | None = None,
    ) -> Price | None:
        """The price of a call; `None` where it is not known.

        Of the areas that a call may have a price of, the closest that knows the model decides.

        Args:
            model_id: The foundation model.
            invoked_model_id: What the caller named, which tells the area.
            region: The Region that was called.
            day: The day of the call, UTC.
            service_tier: In which the call was served; `None` for the standard one.
        """
        return self._recall(model_id, invoked_model_id, region, day, service_tier)

    def price_in(
        self, model_id: str, areas: Sequence[str], day: date, service_tier: str | None = None
    ) -> Price | None:
        """The price of a model in the first of some areas that knows it; `None` for none.

        A place that has a standard price of its own, but none of the tier, has no price of it: that
        of elsewhere is another one.

        Args:
            model_id: The foundation model.
            areas: The areas that calls may have a price of, see `price_areas`.
            day: The day of the calls, UTC.
            service_tier: In which they were served; `None` for the standard one.
        """
        name, version = name_and_version(model_id)
        by_version: Mapping[str | None, list[Price]] = self._by_name.get(name, {})
        known = [it for it in by_version if it is not None]
        spelt = (version, None) if version else (None, *(known if len(known) == 1 else ()))
        spellings = [by_version[it] for it in spelt if it in by_version]
        for area in areas:
            price = _in_force(spellings, area, service_tier, day)
            if price is not None:
                return price
            if area not in USUAL and _in_force(spellings, area, None, day) is not None:
                return None
        return None

    def _look_up(
        self,
        model_id: str,
        invoked_model_id: str,
        region: str,
        day: date,
        service_tier: str | None,
    ) -> Price | None:
        return self.price_in(model_id, price_areas(invoked_model_id, region), day, service_tier)


def name_and_version(model_id: str) -> tuple[str, str | None]:
    """A model's name and its version, where it has one."""
    found = _VERSION.fullmatch(model_id)
    return (found["name"], found["version"]) if found else (model_id, None)


def is_same_model(one: str, other: str) -> bool:
    """Whether two ids are of one model; a version that one of the two leaves out is any."""
    (name, version), (other_name, other_version) = map(name_and_version, (one, other))
    return name == other_name and (version == other_version or None in (version, other_version))


def _in_force(
    spellings: Iterable[Iterable[Price]], area: str, service_tier: str | None, day: date
) -> Price | None:
    """The price that holds by the first spelling of a model that has one."""
    for prices in spellings:
        begun = [
            it
            for it in prices
            if it.area == area and it.service_tier == service_tier and it.holds_on(day)
        ]
        if begun:
            return max(begun, key=_newest)
    return None


def _newest(price: Price) -> tuple[date, str]:
    return price.effective_from or date.min, price.model_id


def _order(price: Price) -> tuple[str, str, str, date]:
    return price.model_id, price.area, price.service_tier or "", price.effective_from or date.min


def _in_tier(price: Price) -> str:
    return f", {price.service_tier}" if price.service_tier else ""
