"""Reads the prices of Bedrock's models in public, well-kept price data."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from lambdas.domain.pricing import Price, Rates, Routing, TokenKind
from lambdas.domain.pricing.routes import EVERY_REGION, PriceScope

_KINDS = {
    "input_mtok": TokenKind.INPUT,
    "output_mtok": TokenKind.OUTPUT,
    "cache_read_mtok": TokenKind.CACHE_READ,
    "cache_write_mtok": TokenKind.CACHE_WRITE_5M,
    "cache_write_1h_mtok": TokenKind.CACHE_WRITE_1H,
}
_US = "us"
_IN_THE_US: tuple[PriceScope, ...] = ((Routing.REGION, "us-east-1"), (Routing.GEOGRAPHY, _US))
"""The scopes of a price that names no place: these sources follow the United States' list."""
_WORLDWIDE: tuple[PriceScope, ...] = ((Routing.GLOBAL, EVERY_REGION),)
_GENAI_SCOPES = {"global.": _WORLDWIDE, "regional.": _IN_THE_US}

_LITELLM_KINDS = {
    "input_cost_per_token": TokenKind.INPUT,
    "output_cost_per_token": TokenKind.OUTPUT,
    "cache_read_input_token_cost": TokenKind.CACHE_READ,
    "cache_creation_input_token_cost": TokenKind.CACHE_WRITE_5M,
    "cache_creation_input_token_cost_above_1hr": TokenKind.CACHE_WRITE_1H,
}
_LITELLM_MODES = {"chat", "embedding"}
_LITELLM_PROVIDERS = {"bedrock", "bedrock_converse"}
# `input_cost_per_token`, `..._above_200k_tokens`, `..._flex`, `..._above_200k_tokens_priority`.
_LITELLM_COST = re.compile(
    r"(?P<cost>\w+?)(?:_above_(?P<thousands>\d+)k_tokens)?(?:_(?P<tier>flex|priority))?"
)
# `amazon.nova-pro-v1:0`, `eu.amazon.nova-pro-v1:0`, `bedrock/eu-west-1/amazon.nova-pro-v1:0`.
_LITELLM_NAME = re.compile(
    r"(?:bedrock/(?P<region>[a-z]+(?:-[a-z]+)+-\d)/)?"
    r"(?:(?P<prefix>us|eu|apac|au|jp|in|ca|us-gov|global)\.)?"
    r"(?P<model>[a-z0-9]+\.[a-z][\w.:-]+)"
)
_NO_PREFIX = ""


def read_genai_prices(read_on: date) -> Iterator[Price]:
    """Read the prices of the installed package `genai-prices`.

    Models that are also paid by other units than tokens are left out.

    Args:
        read_on: The day on which they are read.
    """
    source = f"genai-prices {version('genai-prices')}"
    (bedrock,) = (provider for provider in providers if provider.id == "aws")
    for model in bedrock.models:
        prefix = next((each for each in _GENAI_SCOPES if model.id.startswith(each)), "")
        model_id = model.id.removeprefix(prefix)
        for begins, listed in _dated(model):
            rates = _read_genai_rates(listed)
            for scope in _GENAI_SCOPES.get(prefix, _IN_THE_US) if rates else ():
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


def _read_genai_rates(listed: ModelPrice) -> tuple[Rates, ...]:
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


def read_litellm_prices(text: str, source: str, read_on: date) -> Iterator[Price]:
    """Read the prices of litellm's JSON, in every place that it names.

    A model's bare name has the price of the United States. Where the `us.` profile costs more than
    the bare name, the latter is the global price.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
        source: The name and version of the package.
        read_on: The day on which it is read.
    """
    found: defaultdict[tuple[str, str | None], dict[str, tuple[Rates, ...]]] = defaultdict(dict)
    for model_id, place, tier, rates in _read_entries(json.loads(text, parse_float=Decimal)):
        found[model_id, tier][place] = rates
    for (model_id, tier), by_place in found.items():
        standard = found.get((model_id, None), by_place)
        bare, of_us = standard.get(_NO_PREFIX), standard.get(_US)
        is_bare_global = bool(bare and of_us and bare[0] != of_us[0])
        for scope, rates in _by_scope(by_place, is_bare_global=is_bare_global).items():
            yield Price(model_id, *scope, None, rates, source, read_on, tier)


def _by_scope(
    by_place: Mapping[str, tuple[Rates, ...]], *, is_bare_global: bool
) -> dict[PriceScope, tuple[Rates, ...]]:
    bare = by_place.get(_NO_PREFIX)
    scopes: dict[PriceScope, tuple[Rates, ...]] = {}
    for place, rates in by_place.items():
        if place == Routing.GLOBAL:
            scopes.update(dict.fromkeys(_WORLDWIDE, rates))
        elif place not in {_NO_PREFIX, _US}:
            routing = Routing.REGION if place[-1].isdigit() else Routing.GEOGRAPHY
            scopes[routing, place] = rates
    in_the_us = by_place.get(_US) or (None if is_bare_global else bare)
    if in_the_us:
        scopes = dict.fromkeys(_IN_THE_US, in_the_us) | scopes
    if bare and is_bare_global:
        scopes = dict.fromkeys(_WORLDWIDE, bare) | scopes
    return scopes


def _read_entries(
    entries: Mapping[str, Any],
) -> Iterator[tuple[str, str, str | None, tuple[Rates, ...]]]:
    for name, entry in entries.items():
        found = _LITELLM_NAME.fullmatch(name)
        if (
            found is None
            or entry.get("litellm_provider") not in _LITELLM_PROVIDERS
            or entry.get("mode") not in _LITELLM_MODES
        ):
            continue
        place = found["region"] or found["prefix"] or _NO_PREFIX
        for tier, rates in _read_litellm_rates(entry).items():
            if TokenKind.INPUT in rates[0].usd_per_million:
                yield found["model"], place, tier, rates


def _read_litellm_rates(entry: Mapping[str, Any]) -> dict[str | None, tuple[Rates, ...]]:
    """The rates of an entry by service tier. A price of 0 there means that it is unknown."""
    costs: dict[str | None, dict[int, dict[TokenKind, Decimal]]] = {}
    for name, value in entry.items():
        found = _LITELLM_COST.fullmatch(name)
        kind = _LITELLM_KINDS.get(found["cost"]) if found else None
        if found and kind is not None and value:
            by_size = costs.setdefault(found["tier"], {0: {}})
            start = int(found["thousands"] or 0) * 1000
            by_size.setdefault(start, {})[kind] = Decimal(value).scaleb(6).normalize()
    return {
        tier: tuple(Rates(start, by_size[0] | by_size[start]) for start in sorted(by_size))
        for tier, by_size in costs.items()
    }
