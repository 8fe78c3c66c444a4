"""Reads the prices of the installed package `genai-prices`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import version

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from cdk.operations.price_sources.source import IN_THE_US, WORLDWIDE, SourcePrices
from lambdas.domain.pricing import Price, PriceBook, Rates, TokenKind

_KINDS = {
    "input_mtok": TokenKind.INPUT,
    "output_mtok": TokenKind.OUTPUT,
    "cache_read_mtok": TokenKind.CACHE_READ,
    "cache_write_mtok": TokenKind.CACHE_WRITE_5M,
    "cache_write_1h_mtok": TokenKind.CACHE_WRITE_1H,
}
_SCOPES = {"global.": WORLDWIDE, "regional.": IN_THE_US}


@dataclass(frozen=True, slots=True)
class GenaiPrices:
    """The package `genai-prices`."""

    name: str = "genai-prices"
    is_authoritative: bool = False

    def read(self, book: PriceBook, today: date) -> SourcePrices:
        """Read all prices of Bedrock."""
        del book  # it says the sizes of large calls
        return SourcePrices(tuple(read_genai_prices(today)))


def read_genai_prices(read_on: date) -> Iterator[Price]:
    """Read the prices of the installed package `genai-prices`.

    Models that are also paid by other units than tokens are left out.

    Args:
        read_on: The day on which they are read.
    """
    source = f"genai-prices {version('genai-prices')}"
    (bedrock,) = (provider for provider in providers if provider.id == "aws")
    for model in bedrock.models:
        prefix = next((each for each in _SCOPES if model.id.startswith(each)), "")
        model_id = model.id.removeprefix(prefix)
        for begins, listed in _dated(model):
            rates = _read_rates(listed)
            for scope in _SCOPES.get(prefix, IN_THE_US) if rates else ():
                yield Price(model_id, *scope, begins, rates, source, read_on)


def _dated(model: ModelInfo) -> Iterator[tuple[date | None, ModelPrice]]:
    if isinstance(model.prices, ModelPrice):
        yield None, model.prices
        return
    for price in model.prices:
        match price.constraint:
            case None:
                yield None, price.prices
            case StartDateConstraint(start_date=begins):
                yield begins, price.prices


def _read_rates(listed: ModelPrice) -> tuple[Rates, ...]:
    prices = {name: value for name, value in vars(listed).items() if value is not None}
    if prices.keys() - _KINDS.keys():
        return ()
    starts = {
        tier.start
        for value in prices.values()
        if isinstance(value, TieredPrices)
        for tier in value.tiers
    }
    return tuple(
        Rates(start, {_KINDS[name]: _at(value, start) for name, value in prices.items()})
        for start in sorted({0, *starts})
    )


def _at(value: Decimal | TieredPrices, start: int) -> Decimal:
    if not isinstance(value, TieredPrices):
        return value
    reached = [tier.price for tier in value.tiers if tier.start <= start]
    return reached[-1] if reached else value.base
