"""Makes the listing of one Region from what the AWS Price List says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from lambdas.domain.pricing.editions import ListedRate, Listing, RateKey
from lambdas.domain.pricing.price import Price, Routing, TokenKind
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.price_list import (
    BulkFile,
    Endpoint,
    LeftOut,
    Plan,
    PriceKey,
    PriceListRow,
    read_price_list,
)

_MANTLE = "bedrock_mantle"
_BATCH = "batch"
_OTHER_REGION = "other_region"
_OTHER_VARIANT = "other_variant"
_UNKNOWN_SIZE = "unknown_size_of_large_calls"


def read_listing(
    file: BulkFile, *, region: str, today: date, large_calls: Mapping[str, int]
) -> Listing:
    """Read the rates of calls that Bedrock logs: on demand, through bedrock-runtime.

    A key that has several prices is listed with each of them.

    Args:
        file: A bulk file of the Region.
        region: The Region.
        today: The day, UTC. Prices that begin later are left out.
        large_calls: The size above which calls of a model are large, see `large_call_sizes`.
    """
    price_list = read_price_list([file], today)
    left_out = Counter[str]({reason.value: n for reason, n in price_list.reasons.items()})
    rates = []
    rows = [*price_list.prices.values()]
    rows += [row for several in price_list.ambiguous.values() for row in several]
    of_region = {row.key for row in rows if row.key.routing is Routing.REGION}
    for row in rows:
        if _is_hidden(row.key, of_region):
            continue
        reason = _why_left_out(row, region)
        size = _size(row.key, large_calls)
        if reason is None and size is None:
            reason = _UNKNOWN_SIZE
        if reason is not None or size is None:
            left_out[str(reason)] += 1
            continue
        rates.append(ListedRate.of(_key(row.key, size), row.usd))
    return Listing(
        offer=file.offer,
        region=region,
        version=file.version,
        rates=tuple(sorted(set(rates), key=_order)),
        unmapped_names=tuple(price_list.unmapped_names),
        left_out=dict(sorted(left_out.items())),
    )


def has_later_prices(listing: Listing) -> bool:
    """Say if the file has prices that begin later: it has to be read again unchanged."""
    return LeftOut.NOT_YET_EFFECTIVE.value in listing.left_out


def large_call_sizes(prices: Iterable[Price]) -> dict[str, int]:
    """The size above which calls of a model are large, of models for which a book says one."""
    sizes: defaultdict[str, set[int]] = defaultdict(set)
    for price in prices:
        sizes[price.model_id] |= {rates.above_input_tokens for rates in price.rates} - {0}
    return {
        spelling: min(found)
        for model_id, found in sizes.items()
        if len(found) == 1
        for spelling in _spellings(model_id)
    }


def _spellings(model_id: str) -> Iterator[str]:
    name, version = name_and_version(model_id)
    yield model_id
    yield name
    if version is not None:
        yield f"{name}-v{version}"
        yield f"{name}-v{version}:0"


def _size(key: PriceKey, large_calls: Mapping[str, int]) -> int | None:
    """The size of calls above which a price holds; `None` where it is not known."""
    if not key.is_long_context:
        return 0
    return large_calls.get(key.model_id) if isinstance(key.measure, TokenKind) else None


def _is_hidden(key: PriceKey, of_region: Collection[PriceKey]) -> bool:
    """Say if the Region's own price goes before this one, of its geography's profile."""
    is_geography = key.routing is Routing.GEOGRAPHY
    return is_geography and key._replace(routing=Routing.REGION) in of_region


def _why_left_out(row: PriceListRow, region: str) -> str | None:
    key = row.key
    if key.endpoint is not Endpoint.RUNTIME:
        return _MANTLE
    if key.plan is not Plan.ON_DEMAND:
        return _BATCH
    if key.region != region:
        return _OTHER_REGION
    return _OTHER_VARIANT if key.variant else None


def _key(key: PriceKey, size: int) -> RateKey:
    """The place of a rate: calls through a geography's profile have the price of their Region."""
    routing = Routing.GLOBAL if key.routing is Routing.GLOBAL else Routing.REGION
    return RateKey(key.model_id, routing, key.region, key.service_tier, key.measure, size)


def _order(rate: ListedRate) -> tuple[str, ...]:
    return tuple(map(str, (*rate.key, rate.usd)))
