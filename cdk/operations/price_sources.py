"""Prices of Bedrock's models as well-kept public price data tell them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from lambdas.domain.pricing import Price, Rates, TokenKind
from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL, USUAL
from lambdas.domain.pricing.price_book import is_same_model

_KINDS = {
    "input_mtok": TokenKind.INPUT,
    "output_mtok": TokenKind.OUTPUT,
    "cache_read_mtok": TokenKind.CACHE_READ,
    "cache_write_mtok": TokenKind.CACHE_WRITE_5M,
    "cache_write_1h_mtok": TokenKind.CACHE_WRITE_1H,
}
US = "us"
"""The area whose prices are taken to be those of all others, where nobody says otherwise."""
_HOME = "us-east-1"
_AREAS = {f"{area}.": area for area in (GLOBAL, REGIONAL)}

_LITELLM_KINDS = {
    "input_cost_per_token": TokenKind.INPUT,
    "output_cost_per_token": TokenKind.OUTPUT,
    "cache_read_input_token_cost": TokenKind.CACHE_READ,
    "cache_creation_input_token_cost": TokenKind.CACHE_WRITE_5M,
    "cache_creation_input_token_cost_above_1hr": TokenKind.CACHE_WRITE_1H,
}
_LITELLM_MODES = {"chat", "embedding"}
_LITELLM_PROVIDERS = {"bedrock", "bedrock_converse"}
_LITELLM_TIER = re.compile(r"(?P<cost>.+)_above_(?P<thousands>\d+)k_tokens")
# `amazon.nova-pro-v1:0`, `eu.amazon.nova-pro-v1:0`, `bedrock/eu-west-1/amazon.nova-pro-v1:0`.
_LITELLM_NAME = re.compile(
    r"(?:bedrock/(?P<region>[a-z]+(?:-[a-z]+)+-\d)/)?"
    r"(?:(?P<prefix>us|eu|apac|au|jp|in|ca|us-gov|global)\.)?"
    r"(?P<model>[a-z0-9]+\.[a-z][\w.:-]+)"
)


def prices_of_genai_prices(read_on: date) -> Iterator[Price]:
    """The prices of the package `genai-prices`, in the version that is installed.

    Models that are also paid by other units than tokens are left out.

    Args:
        read_on: The day on which they are read.
    """
    source = f"genai-prices {version('genai-prices')}"
    (bedrock,) = (it for it in providers if it.id == "aws")
    for model in bedrock.models:
        area = next((it for prefix, it in _AREAS.items() if model.id.startswith(prefix)), ANYWHERE)
        model_id = model.id.removeprefix(f"{area}.")
        for begins, told in _dated(model):
            rates = _rates(told)
            if rates is not None:
                yield Price(model_id, area, begins, rates, source, read_on)


def _dated(model: ModelInfo) -> Iterator[tuple[date | None, ModelPrice]]:
    if isinstance(model.prices, ModelPrice):
        yield None, model.prices
        return
    for it in model.prices:
        match it.constraint:
            case None:
                yield None, it.prices
            case StartDateConstraint(start_date=begins):
                yield begins, it.prices


def _rates(told: ModelPrice) -> tuple[Rates, ...] | None:
    prices = {name: value for name, value in vars(told).items() if value is not None}
    if prices.keys() - _KINDS.keys():
        return None
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
    reached = [it.price for it in value.tiers if it.start <= start]
    return reached[-1] if reached else value.base


def prices_of_litellm(text: str, source: str, read_on: date) -> Iterator[Price]:
    """The prices of litellm's JSON; those of areas are left out where they are as elsewhere.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
        source: What it is called.
        read_on: The day on which it is read.
    """
    by_model: defaultdict[str, dict[str, tuple[Rates, ...]]] = defaultdict(dict)
    for model_id, area, rates in _of_litellm(json.loads(text, parse_float=Decimal)):
        by_model[model_id][area] = rates
    for model_id, by_area in by_model.items():
        for area, rates in _told_apart(by_area).items():
            yield Price(model_id, area, None, rates, source, read_on)


def _told_apart(by_area: dict[str, tuple[Rates, ...]]) -> dict[str, tuple[Rates, ...]]:
    """The rates of a model by area, without areas where they are as elsewhere.

    Where geographies cost more than the model's bare name says, that is the global price. Where
    neither it nor the US have a price, nobody knows that of other areas.
    """
    anywhere, of_us = by_area.get(ANYWHERE), by_area.get(US)
    elsewhere = anywhere or of_us
    if elsewhere is None:
        return by_area
    usual = {ANYWHERE: elsewhere}
    if anywhere is not None and of_us is not None and _differ(anywhere[0], of_us[0]):
        elsewhere = of_us
        usual = {GLOBAL: by_area.get(GLOBAL, anywhere), REGIONAL: of_us}
    others = {
        area: rates
        for area, rates in by_area.items()
        if area not in (ANYWHERE, US, *usual) and _differ(rates[0], elsewhere[0])
    }
    return usual | others


def regions_told_apart(by_area: Mapping[str, tuple[Rates, ...]]) -> dict[str, tuple[Rates, ...]]:
    """The rates of a model by area, without Regions where they are as elsewhere.

    Elsewhere is us-east-1 or, where that has none, any Region if all of them agree. Where calls
    through the global profile cost the same, the price is that of all calls.

    Args:
        by_area: Those of each Region that has some, and of `GLOBAL`.
    """
    regions = dict(by_area)
    of_global = regions.pop(GLOBAL, None)
    widest = max(regions.values(), key=lambda it: len(it[0].usd_per_million), default=None)
    if widest is None or any(_differ(it[0], widest[0]) for it in regions.values()):
        widest = None
    of_us = regions.get(_HOME, widest)
    if of_us is not None:
        regions = _told_apart({US: of_us, **regions})
    if of_global is not None and of_global != of_us:
        if of_us is not None:
            regions[REGIONAL] = regions.pop(ANYWHERE)
        regions[GLOBAL] = of_global
    return regions


def _differ(one: Rates, other: Rates) -> bool:
    """Whether a kind of tokens that both know has another price."""
    left, right = one.usd_per_million, other.usd_per_million
    return any(left[kind] != right[kind] for kind in left.keys() & right.keys())


def _of_litellm(
    entries: Mapping[str, Any],
) -> Iterator[tuple[str, str, tuple[Rates, ...]]]:
    for name, entry in entries.items():
        found = _LITELLM_NAME.fullmatch(name)
        if (
            found is None
            or entry.get("litellm_provider") not in _LITELLM_PROVIDERS
            or entry.get("mode") not in _LITELLM_MODES
        ):
            continue
        rates = _rates_of_litellm(entry)
        if TokenKind.INPUT in rates[0].usd_per_million:
            yield found["model"], found["region"] or found["prefix"] or ANYWHERE, rates


def _rates_of_litellm(entry: Mapping[str, Any]) -> tuple[Rates, ...]:
    costs: dict[int, dict[TokenKind, Decimal]] = {0: {}}
    for name, value in entry.items():
        tier = _LITELLM_TIER.fullmatch(name)
        kind = _LITELLM_KINDS.get(tier["cost"] if tier else name)
        if kind is not None and value:  # what costs nothing there has no price
            start = int(tier["thousands"]) * 1000 if tier else 0
            costs.setdefault(start, {})[kind] = Decimal(value).scaleb(6).normalize()
    base = costs[0]
    return tuple(Rates(start, base | costs[start]) for start in sorted(costs))


def renew(standing: Iterable[Price], told: Iterable[Price], today: date) -> list[Price]:
    """Standing prices, and what is told otherwise now; no price that stands is changed.

    Kinds of tokens that a standing price does not know are filled in from its own day on: calls
    that used them have no cost yet. A price that has changed begins on the day that its source
    names, if that is later than what holds today; otherwise today. So does the price of a new area,
    where calls had the price of a wider one before.

    Args:
        standing: The prices that were known before.
        told: What the sources tell now, of each model and area one source.
        today: The day on which they were read.

    Returns:
        Prices, of which two of one day differ if a source now tells another price of that day.
    """
    news = _by_model_and_area(told)
    prices = [_filled(it, news.get((it.model_id, it.area), [])) for it in standing]
    stands = {(it.model_id, it.area, it.effective_from): it for it in prices}
    begun = [it for it in prices if it.holds_on(today)]
    in_force = {key: dated[-1] for key, dated in _by_model_and_area(begun).items()}
    for (model_id, area), dated in news.items():
        old = in_force.get((model_id, area))
        later = dated
        if old is not None:
            later = _changes(dated, _begins(old), old, today)
        elif _had_a_price(model_id, area, begun):
            later = _changes(dated, today, None, today)
        for it in later:
            known = stands.get((model_id, area, it.effective_from))
            if known is None or not _agree(known, it):
                prices.append(it)
    return prices


def _changes(
    told: Sequence[Price], since: date, in_force: Price | None, today: date
) -> list[Price]:
    """What is told to begin after a day, or else today, where it is not what is in force."""
    later = [it for it in told if _begins(it) > since]
    now = next((it for it in reversed(told) if it.holds_on(today)), None)
    if now is None or now in later or (in_force is not None and _agree(in_force, now)):
        return later
    return [replace(now, effective_from=today), *later]


def _filled(standing: Price, told: Sequence[Price]) -> Price:
    """A price with the kinds that it does not know, as they are told of its first day."""
    of_its_day = [it for it in told if _begins(it) <= _begins(standing)]
    if not of_its_day or not _agree(standing, of_its_day[-1]):
        return standing
    news = of_its_day[-1]
    rates = tuple(
        replace(it, usd_per_million={**more.usd_per_million, **it.usd_per_million})
        for it, more in zip(standing.rates, news.rates, strict=True)
    )
    if rates == standing.rates:
        return standing
    source = ", ".join(dict.fromkeys((standing.source, news.source)))
    return replace(standing, rates=rates, source=source, read_on=news.read_on)


def _had_a_price(model_id: str, area: str, begun: Iterable[Price]) -> bool:
    """Whether calls of an area that no price is known of may have had that of a wider one."""
    known = {it.area for it in begun if is_same_model(it.model_id, model_id)}
    return bool(known & {area, ANYWHERE} if area in USUAL else known - {GLOBAL})


def _agree(one: Price, other: Price) -> bool:
    """Whether two prices are the same, as far as both know kinds of tokens."""
    sizes = [[it.above_input_tokens for it in price.rates] for price in (one, other)]
    return sizes[0] == sizes[1] and not any(map(_differ, one.rates, other.rates))


def _by_model_and_area(prices: Iterable[Price]) -> dict[tuple[str, str], list[Price]]:
    """Prices of each model and area, the oldest first."""
    found: defaultdict[tuple[str, str], list[Price]] = defaultdict(list)
    for price in sorted(prices, key=_begins):
        found[price.model_id, price.area].append(price)
    return dict(found)


def _begins(price: Price) -> date:
    return price.effective_from or date.min
