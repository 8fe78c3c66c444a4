"""Applies the changes of an edition to the shipped price book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeAlias, TypeVar

from lambdas.domain.pricing.editions import Edition, PriceChange, PriceItem, RateKey
from lambdas.domain.pricing.price import BilledUnit, Price, Rates, Routing, TokenKind
from lambdas.domain.pricing.price_book import PriceBook

PRICE_LIST = "AWS Price List"
"""The beginning of the names of sources that are AWS's own files."""
_State: TypeAlias = dict[PriceItem, dict[int, "ListedPrice"]]
_Entry = TypeVar("_Entry")


class ListedPrice(NamedTuple):
    """A price of a book, and the row or the change that has it."""

    usd: Decimal
    source: Price | PriceChange


class _Scope(NamedTuple):
    model_id: str
    routing: Routing
    place: str
    service_tier: str | None


def apply_edition(shipped: PriceBook, edition: Edition) -> PriceBook:
    """Make the price book of an edition.

    A change holds from its day on, until a later change or a later shipped price of the same item
    in the same scope. The sizes of calls that a change does not name keep their prices.
    """
    changed = _by_scope(edition.changes_in_force, _get_change_scope)
    if not changed:
        return PriceBook(shipped, edition=_edition_name(shipped, edition))
    rows: list[Price] = []
    known = _by_scope(shipped, _get_price_scope)
    for scope, prices in known.items():
        if scope not in changed:
            rows.extend(prices)
    for scope, changes in changed.items():
        rows.extend(_merge(known.get(scope, []), changes))
    return PriceBook(rows, edition=_edition_name(shipped, edition))


def get_prices_on(book: Iterable[Price], day: date) -> dict[RateKey, ListedPrice]:
    """Get every price that a book lists for a day, each in its own scope."""
    found: dict[RateKey, ListedPrice] = {}
    for scope, prices in _by_scope(book, _get_price_scope).items():
        state: _State = {}
        for price in prices:
            if price.holds_on(day):
                _apply_price(state, price)
        for item, by_size in state.items():
            for size, figure in by_size.items():
                found[RateKey(*scope, item, size)] = figure
    return found


def _merge(prices: Sequence[Price], changes: Sequence[PriceChange]) -> Iterator[Price]:
    """The rows of one scope: the shipped ones, and a row for each day with changes."""
    state: _State = {}
    days = sorted({_day(price) for price in prices} | {change.effective_from for change in changes})
    for day in days:
        shipped = [price for price in prices if _day(price) == day]
        for price in shipped:
            _apply_price(state, price)
        todays = [change for change in changes if change.effective_from == day]
        if not todays:
            yield from shipped
            continue
        for change in todays:
            figure = ListedPrice(change.usd, change)
            state.setdefault(change.item, {})[change.above_input_tokens] = figure
        listed = {change.item for change in todays}
        for price in shipped:  # its row is replaced by one that has both
            listed |= _items(price)
        yield _row({item: state[item] for item in listed}, todays[-1])


def _row(state: _State, change: PriceChange) -> Price:
    usd = {
        item: {size: figure.usd for size, figure in by_size.items()}
        for item, by_size in state.items()
    }
    tokens = {item: usd[item] for item in usd if isinstance(item, TokenKind)}
    sizes = sorted({0}.union(*tokens.values())) if tokens else []
    return Price(
        model_id=change.model_id,
        routing=change.routing,
        place=change.place,
        effective_from=None if change.effective_from == date.min else change.effective_from,
        rates=tuple(Rates(size, _usd_at(tokens, size)) for size in sizes),
        source=f"{PRICE_LIST}, {change.offer}",
        read_on=change.read_on,
        service_tier=change.service_tier,
        usd_per_unit={item: usd[item][0] for item in usd if isinstance(item, BilledUnit)},
        reason=f"edition {change.edition}",
    )


def _usd_at(
    tokens: Mapping[TokenKind, Mapping[int, Decimal]], size: int
) -> dict[TokenKind, Decimal]:
    """The prices of calls of a size: of each kind that of the next smaller size that it lists."""
    found = {}
    for kind, usd in tokens.items():
        smaller = [known for known in usd if known <= size]
        if smaller:
            found[kind] = usd[max(smaller)]
    return found


def _apply_price(state: _State, price: Price) -> None:
    """Replace prices by those of a newer row."""
    for kind in {kind for rates in price.rates for kind in rates.usd_per_million}:
        state[kind] = {
            rates.above_input_tokens: ListedPrice(rates.usd_per_million[kind], price)
            for rates in price.rates
            if kind in rates.usd_per_million
        }
    for unit, usd in price.usd_per_unit.items():
        state[unit] = {0: ListedPrice(usd, price)}


def _items(price: Price) -> set[PriceItem]:
    return {kind for rates in price.rates for kind in rates.usd_per_million} | {*price.usd_per_unit}


def _by_scope(
    entries: Iterable[_Entry], get_scope: Callable[[_Entry], _Scope]
) -> dict[_Scope, list[_Entry]]:
    found: defaultdict[_Scope, list[_Entry]] = defaultdict(list)
    for entry in entries:
        found[get_scope(entry)].append(entry)
    return found


def _get_price_scope(price: Price) -> _Scope:
    return _Scope(price.model_id, price.routing, price.place, price.service_tier)


def _get_change_scope(change: PriceChange) -> _Scope:
    return _Scope(change.model_id, change.routing, change.place, change.service_tier)


def _day(price: Price) -> date:
    return price.effective_from or date.min


def _edition_name(shipped: PriceBook, edition: Edition) -> str:
    return f"{shipped.edition}+{edition.id}"
