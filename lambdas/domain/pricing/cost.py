"""What a call costs, exactly; or why that is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing.negotiated import NegotiatedPrice, NegotiatedPrices
from lambdas.domain.pricing.price import Price, Rates, TokenKind, UsdPerMillion
from lambdas.domain.pricing.price_book import PriceBook

_OF_A_MILLION = -6  # places of the decimal point
_OF_A_HUNDRED = -2
_HUNDRED = Decimal(100)


class Cost(NamedTuple):
    """What a call costs, to 28 digits: more than it has by prices as anybody tells them.

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


class CostLine(NamedTuple):
    """What the tokens of one kind in a call cost, exactly.

    Attributes:
        kind: Their kind.
        tokens: How many they are, at least one.
        list_usd_per_million: Their list price; `None` where there is an agreed one alone.
        usd_per_million: What was agreed on, else the list price.
    """

    kind: TokenKind
    tokens: int
    list_usd_per_million: Decimal | None
    usd_per_million: Decimal


class PricedTokens(NamedTuple):
    """The tokens of a call with their prices. What the call costs is the sum of its lines.

    Attributes:
        lines: A line for each kind that the call used.
        price: The list price that was taken.
        rates: Those of its rates that hold for a call of this size.
        negotiated: What was agreed on.
    """

    lines: tuple[CostLine, ...]
    price: Price | None
    rates: Rates | None
    negotiated: NegotiatedPrice | None

    @property
    def cost(self) -> Cost:
        """What the call costs."""
        paid = sum((it.tokens * it.usd_per_million for it in self.lines), Decimal(0))
        effective_usd = paid.scaleb(_OF_A_MILLION)
        list_usd = effective_usd if self.negotiated is None else self._list_usd()
        return Cost(list_usd, effective_usd, self.price, self.negotiated)

    def _list_usd(self) -> Decimal | None:
        listed = Decimal(0)
        for it in self.lines:
            if it.list_usd_per_million is None:
                return None
            listed += it.tokens * it.list_usd_per_million
        return listed.scaleb(_OF_A_MILLION)


class Unpriced(StrEnum):
    """Why a successful call has no cost. It is not free."""

    NO_PRICE = "no_price"
    """Nobody told a price of the model where it was called."""
    NO_PRICE_OF_THE_TIER = "no_price_of_the_tier"
    """There is a price, but none of the service tier that the call was served in."""
    NO_PRICE_OF_A_KIND = "no_price_of_a_kind"
    """There is a price, but none of a kind of tokens that the call used."""
    NO_COUNTS = "no_counts"
    """Nobody told how many tokens it took: images, some older models."""


WAITING_FOR_A_PRICE = tuple(it for it in Unpriced if it is not Unpriced.NO_COUNTS)
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
        """What a call costs: the sum of its lines."""
        priced = self.price_tokens(record)
        return priced.cost if isinstance(priced, PricedTokens) else priced

    def knows(self, model_id: str) -> bool:
        """Whether calls of a model can have a cost, whenever and however it is called."""
        return self.book.knows(model_id) or any(
            it.usd_per_million and it.is_of(model_id) for it in self.negotiated
        )

    def price_tokens(self, record: UsageRecord) -> PricedTokens | Unpriced | None:
        """Price the tokens of a call by their kinds; `None` for a failed call.

        A kind that the call did not use needs no price.
        """
        if record.is_failed:
            return None
        if record.tokens.is_missing:
            return Unpriced.NO_COUNTS
        day = record.timestamp.date()
        model_id = record.model_id
        called, tier = (model_id, record.invoked_model_id, record.region, day), record.service_tier
        price = self.book.price_of(*called, tier)
        agreed = self.negotiated.price_of(model_id, day, tier)
        if price is None and (agreed is None or not agreed.usd_per_million):
            usual = self.book.price_of(*called) or self.negotiated.price_of(model_id, day)
            is_known = tier is not None and usual is not None
            return Unpriced.NO_PRICE_OF_THE_TIER if is_known else Unpriced.NO_PRICE
        rates = price.rates_of(record.tokens.total_input or 0) if price else None
        listed = rates.usd_per_million if rates else {}
        paid = listed if agreed is None else _agreed(listed, agreed)
        lines = []
        for kind, count in tokens_by_kind(record.tokens):
            usd = paid.get(kind)
            if usd is None:
                return Unpriced.NO_PRICE_OF_A_KIND
            lines.append(CostLine(kind, count, listed.get(kind), usd))
        return PricedTokens(tuple(lines), price, rates, agreed)

    def rates_in(
        self,
        model_id: str,
        areas: Sequence[str],
        day: date,
        total_input_tokens: int,
        service_tier: str | None = None,
    ) -> UsdPerMillion:
        """What tokens of a model cost in calls like these, by kind, as `cost_of` takes it.

        Args:
            model_id: The foundation model.
            areas: The areas that the calls may have a price of, see `price_areas`.
            day: Their day, UTC.
            total_input_tokens: How much each reads, cached tokens included.
            service_tier: In which they are served; `None` for the standard one.

        Returns:
            Rates; a kind that is left out has no known price, and nothing has where none is known.
        """
        price = self.book.price_in(model_id, areas, day, service_tier)
        agreed = self.negotiated.price_of(model_id, day, service_tier)
        listed = price.rates_of(total_input_tokens).usd_per_million if price else {}
        return listed if agreed is None else _agreed(listed, agreed)


def tokens_by_kind(tokens: TokenCounts) -> Iterator[tuple[TokenKind, int]]:
    """The tokens of a call by the kinds that have prices, without those it used none of.

    Cache writes of which no part is known to be kept for an hour are taken as kept for five
    minutes, which is Bedrock's default.
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
    """
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


def _agreed(listed: UsdPerMillion, agreed: NegotiatedPrice) -> UsdPerMillion:
    share = (_HUNDRED - agreed.discount_percent).scaleb(_OF_A_HUNDRED)
    return {kind: usd * share for kind, usd in listed.items()} | dict(agreed.usd_per_million)
