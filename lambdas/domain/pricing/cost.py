"""What a call costs, exactly; or why that is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing.negotiated import NegotiatedPrice, NegotiatedPrices
from lambdas.domain.pricing.price import Price, TokenKind, UsdPerMillion
from lambdas.domain.pricing.price_book import PriceBook

_OF_A_MILLION = -6  # places of the decimal point
_OF_A_HUNDRED = -2
_HUNDRED = Decimal(100)


class Cost(NamedTuple):
    """What a call costs. Nothing is rounded.

    Attributes:
        list_usd: At list price; `None` where it has none, but an agreed one.
        effective_usd: At what was agreed on, else at list price.
        price: The list price that was taken.
        negotiated: What was agreed on.
    """

    list_usd: Decimal | None
    effective_usd: Decimal
    price: Price | None
    negotiated: NegotiatedPrice | None = None


class Unpriced(StrEnum):
    """Why a successful call has no cost. It is not free."""

    NO_PRICE = "no_price"
    """Nobody told a price of the model where it was called."""
    NO_PRICE_OF_A_KIND = "no_price_of_a_kind"
    """There is a price, but none of a kind of tokens that the call used."""
    NO_COUNTS = "no_counts"
    """Nobody told how many tokens it took: images, some older models."""


WAITING_FOR_A_PRICE = (Unpriced.NO_PRICE, Unpriced.NO_PRICE_OF_A_KIND)
"""What a price that is told later can change."""

CallCost: TypeAlias = "Cost | Unpriced | None"
"""`None` for a failed call: what it took is in `FailedTokens` alone."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """Knows what calls cost.

    Attributes:
        book: List prices.
        negotiated: What was agreed on instead.
    """

    book: PriceBook
    negotiated: NegotiatedPrices = field(default_factory=NegotiatedPrices)

    def cost_of(self, record: UsageRecord) -> CallCost:
        """What a call costs.

        Cache writes of which no part is known to be kept for an hour are taken as kept for five
        minutes, which is Bedrock's default. A kind that the call did not use needs no price.
        Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
        """
        if record.is_failed:
            return None
        if record.tokens.is_missing:
            return Unpriced.NO_COUNTS
        used = dict(_used(record.tokens))
        day = record.timestamp.date()
        model_id = record.model_id
        price = self.book.price_of(model_id, record.invoked_model_id, record.region, day)
        agreed = self.negotiated.price_of(model_id, day)
        if price is None and (agreed is None or not agreed.usd_per_million):
            return Unpriced.NO_PRICE
        listed = price.usd_per_million(record.tokens.total_input or 0) if price else {}
        list_usd = _total(used, listed)
        effective_usd = list_usd if agreed is None else _total(used, _agreed(listed, agreed))
        if effective_usd is None:
            return Unpriced.NO_PRICE_OF_A_KIND
        return Cost(list_usd, effective_usd, price, agreed)


def _used(tokens: TokenCounts) -> Iterator[tuple[TokenKind, int]]:
    """The tokens of a call by the kinds that have prices, without those it used none of."""
    for_an_hour = tokens.cache_write_1h or 0
    for kind, count in (
        (TokenKind.INPUT, tokens.input),
        (TokenKind.OUTPUT, tokens.output),
        (TokenKind.CACHE_READ, tokens.cache_read),
        (TokenKind.CACHE_WRITE_5M, (tokens.cache_write or 0) - for_an_hour),
        (TokenKind.CACHE_WRITE_1H, for_an_hour),
    ):
        if count:
            yield kind, count


def _total(used: Mapping[TokenKind, int], prices: UsdPerMillion) -> Decimal | None:
    """The cost of tokens; `None` where the price of a kind is not known."""
    total = Decimal(0)
    for kind, count in used.items():
        usd_per_million = prices.get(kind)
        if usd_per_million is None:
            return None
        total += count * usd_per_million
    return total.scaleb(_OF_A_MILLION)


def _agreed(listed: UsdPerMillion, agreed: NegotiatedPrice) -> UsdPerMillion:
    share = (_HUNDRED - agreed.discount_percent).scaleb(_OF_A_HUNDRED)
    return {kind: usd * share for kind, usd in listed.items()} | dict(agreed.usd_per_million)
