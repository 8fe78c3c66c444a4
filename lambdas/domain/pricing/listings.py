"""Makes the listing of one Region from the AWS Price List."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum

from lambdas.domain.pricing.editions import ListedRate, Listing, RateKey
from lambdas.domain.pricing.price import BATCH_TIER, Price, Routing, TokenKind
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.price_list import (
    BulkFile,
    Endpoint,
    LeftOut,
    Plan,
    PriceKey,
    read_price_list,
)


class Unusable(StrEnum):
    """The reason why a listed price is not the price of a logged call or of a batch job."""

    MANTLE = "bedrock_mantle"
    OTHER_REGION = "other_region"
    VARIANT = "other_variant"
    """It says what the counts of a log do not separate, such as speech."""
    UNKNOWN_SIZE = "unknown_size_of_large_calls"


def read_listing(
    file: BulkFile, *, region: str, today: date, large_calls: Mapping[str, int]
) -> Listing:
    """Read the rates of bedrock-runtime: of calls on demand, and of batch jobs as a tier.

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
        key = read_rate_key(row.key, large_calls)
        if isinstance(key, RateKey) and row.key.region != region:
            key = Unusable.OTHER_REGION
        if isinstance(key, Unusable):
            left_out[key.value] += 1
        else:
            rates.append(ListedRate.from_key(key, row.usd))
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


def read_rate_key(key: PriceKey, large_calls: Mapping[str, int]) -> RateKey | Unusable:
    """Get the place of a price in a book, or the reason why a book has no place for it.

    Calls through a geography's profile have the price of their Region. AWS lists prices of large
    calls without saying where those begin.

    Args:
        key: The price's key in AWS's list.
        large_calls: The size above which calls of a model are large, see `large_call_sizes`.
    """
    if key.endpoint is not Endpoint.RUNTIME:
        return Unusable.MANTLE
    is_batch = key.plan is Plan.BATCH
    if key.variant or (is_batch and key.service_tier):
        return Unusable.VARIANT
    size = 0
    if key.is_long_context:
        known = large_calls.get(key.model_id)
        if known is None or not isinstance(key.measure, TokenKind):
            return Unusable.UNKNOWN_SIZE
        size = known
    routing = Routing.GLOBAL if key.routing is Routing.GLOBAL else Routing.REGION
    tier = BATCH_TIER if is_batch else key.service_tier
    return RateKey(key.model_id, routing, key.region, tier, key.measure, size)


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


def _is_hidden(key: PriceKey, of_region: Collection[PriceKey]) -> bool:
    """Say if the Region's own price goes before this one, of its geography's profile."""
    is_geography = key.routing is Routing.GEOGRAPHY
    return is_geography and key._replace(routing=Routing.REGION) in of_region


def _order(rate: ListedRate) -> tuple[str, ...]:
    return tuple(map(str, (*rate.key, rate.usd)))
