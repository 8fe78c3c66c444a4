"""Prices of Bedrock's models as well-kept public price data tell them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from lambdas.domain.pricing import Price, Rates, TokenKind, UsdPerMillion, price_areas
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
    """The prices of litellm's JSON, of every area that it tells.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
        source: What it is called.
        read_on: The day on which it is read.
    """
    told: defaultdict[tuple[str, str | None], dict[str, tuple[Rates, ...]]] = defaultdict(dict)
    for model_id, area, tier, rates in _of_litellm(json.loads(text, parse_float=Decimal)):
        told[model_id, tier][area] = rates
    for (model_id, tier), by_area in told.items():
        standard = _by_area(told.get((model_id, None), {})).keys() if tier else ()
        for area, rates in _by_area(by_area, standard).items():
            yield Price(model_id, area, None, rates, source, read_on, tier)


def _by_area(
    by_area: Mapping[str, tuple[Rates, ...]], standard: Collection[str] = ()
) -> dict[str, tuple[Rates, ...]]:
    """The rates of a model in a service tier by the areas of prices.

    Where geographies cost more than the model's bare name says, that is the global price. Where
    neither it nor the US have a price, nobody knows that of other areas. Nor does the price of the
    US alone tell the global one, where that is another one in the standard tier. A place that
    costs as the wider one has the kinds of tokens and the sizes of calls of that as well.
    """
    anywhere, of_us = by_area.get(ANYWHERE), by_area.get(US)
    elsewhere = anywhere or of_us
    if elsewhere is None:
        return dict(by_area)
    found = {REGIONAL if anywhere is None and GLOBAL in standard else ANYWHERE: elsewhere}
    if anywhere is not None and of_us is not None and _differ(anywhere[0], of_us[0]):
        elsewhere = of_us
        found = {GLOBAL: by_area.get(GLOBAL, anywhere), REGIONAL: of_us}
    for area, rates in by_area.items():
        if area not in (ANYWHERE, US, *found):
            wider = (by_area[it] for it in price_areas("", area)[1:] if it in by_area)
            found[area] = _completed(rates, next(wider, elsewhere))
    return found


def regions_told_apart(
    by_area: Mapping[str, tuple[Rates, ...]], standard: Collection[str] = ()
) -> dict[str, tuple[Rates, ...]]:
    """The rates of a model by area, without Regions where they are as elsewhere.

    Elsewhere is us-east-1 or, where that has none, any Region if all of them agree. Where calls
    through the global profile cost the same, the price is that of all calls. What is told apart in
    the standard tier is told apart in others.

    Args:
        by_area: Those of each Region that has some, and of `GLOBAL`.
        standard: The areas of the standard tier, if this is another one.
    """
    regions = dict(by_area)
    of_global = regions.pop(GLOBAL, None)
    widest = max(regions.values(), key=lambda it: len(it[0].usd_per_million), default=None)
    if widest is None or any(_differ(it[0], widest[0]) for it in regions.values()):
        widest = None
    of_us = regions.get(_HOME, widest)
    if of_us is not None:
        is_global_apart = GLOBAL in standard or (
            of_global is not None and _differ(of_global[0], of_us[0])
        )
        regions = {REGIONAL if is_global_apart else ANYWHERE: of_us} | {
            area: it for area, it in regions.items() if area in standard or _differ(it[0], of_us[0])
        }
    if of_global is not None and ANYWHERE not in regions:
        regions[GLOBAL] = of_global
    return regions


def _differ(one: Rates, other: Rates) -> bool:
    """Whether a kind of tokens that both know has another price."""
    left, right = one.usd_per_million, other.usd_per_million
    return any(left[kind] != right[kind] for kind in left.keys() & right.keys())


def _of_litellm(
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
        area = found["region"] or found["prefix"] or ANYWHERE
        for tier, rates in _rates_of_litellm(entry).items():
            if TokenKind.INPUT in rates[0].usd_per_million:
                yield found["model"], area, tier, rates


def _rates_of_litellm(entry: Mapping[str, Any]) -> dict[str | None, tuple[Rates, ...]]:
    """The rates of an entry by service tier."""
    costs: dict[str | None, dict[int, dict[TokenKind, Decimal]]] = {}
    for name, value in entry.items():
        found = _LITELLM_COST.fullmatch(name)
        kind = _LITELLM_KINDS.get(found["cost"]) if found else None
        if found and kind is not None and value:  # what costs nothing there has no price
            by_size = costs.setdefault(found["tier"], {0: {}})
            start = int(found["thousands"] or 0) * 1000
            by_size.setdefault(start, {})[kind] = Decimal(value).scaleb(6).normalize()
    return {
        tier: tuple(Rates(start, by_size[0] | by_size[start]) for start in sorted(by_size))
        for tier, by_size in costs.items()
    }


def renew(standing: Iterable[Price], told: Iterable[Price], today: date) -> list[Price]:
    """Standing prices, and what is told otherwise now; no price that stands is changed.

    Kinds of tokens that a standing price does not know are filled in from its own day on: calls
    that used them have no cost yet. A price that has changed begins on the day that its source
    names, if that is later than what holds today; otherwise today. So does the price of a new area,
    where calls had the price of a wider one before.

    Args:
        standing: The prices that were known before.
        told: What the sources tell now, of each model, area and service tier one source.
        today: The day on which they were read.

    Returns:
        Prices, of which two of one day differ if a source now tells another price of that day.
    """
    news = _by_key(told)
    prices = [_filled(it, news.get(_key(it), [])) for it in standing]
    stands = {(_key(it), it.effective_from): it for it in prices}
    begun = [it for it in prices if it.holds_on(today)]
    in_force = {key: dated[-1] for key, dated in _by_key(begun).items()}
    for model_id, area, tier in in_force.keys() - news.keys():
        told_of_all = news.get((model_id, ANYWHERE, tier), [])
        if area in USUAL:
            news[model_id, area, tier] = [replace(it, area=area) for it in told_of_all]
    for key, dated in news.items():
        old = in_force.get(key)
        later = dated
        if old is not None:
            later = _changes(dated, _begins(old), old, today)
        elif _had_a_price(*key, begun):
            later = _changes(dated, today, None, today)
        for it in later:
            known = stands.get((key, it.effective_from))
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
    return completed(standing, of_its_day[-1])


def completed(price: Price, other: Price) -> Price:
    """A price with the kinds of tokens and the sizes of calls that it lacks, from another source.

    Nothing is taken where the two differ in what both know of calls of any size.
    """
    rates = _completed(price.rates, other.rates)
    if rates == price.rates:
        return price
    source = ", ".join(dict.fromkeys((price.source, other.source)))
    return replace(price, rates=rates, source=source, read_on=other.read_on)


def _completed(rates: Sequence[Rates], other: Sequence[Rates]) -> tuple[Rates, ...]:
    if _differ(rates[0], other[0]):
        return tuple(rates)
    ours, theirs = (
        {it.above_input_tokens: it.usd_per_million for it in each} for each in (rates, other)
    )
    found: list[Rates] = []
    base: UsdPerMillion = {}
    for start in sorted(ours.keys() | theirs.keys()):
        base = ours.get(start, base)
        told = theirs.get(start, {})
        found.append(Rates(start, {**told, **base} if start in ours else {**base, **told}))
    return tuple(found)


def _had_a_price(model_id: str, area: str, tier: str | None, begun: Iterable[Price]) -> bool:
    """Whether calls of an area that no price is known of may have had that of a wider one."""
    known = {
        it.area for it in begun if it.service_tier == tier and is_same_model(it.model_id, model_id)
    }
    return bool(known & {area, ANYWHERE} if area in USUAL else known - {GLOBAL})


def _agree(one: Price, other: Price) -> bool:
    """Whether two prices are the same, as far as both know kinds of tokens."""
    sizes = [[it.above_input_tokens for it in price.rates] for price in (one, other)]
    return sizes[0] == sizes[1] and not any(map(_differ, one.rates, other.rates))


def _key(price: Price) -> tuple[str, str, str | None]:
    return price.model_id, price.area, price.service_tier


def _by_key(prices: Iterable[Price]) -> dict[tuple[str, str, str | None], list[Price]]:
    """Prices of each model, area and service tier, the oldest first."""
    found: defaultdict[tuple[str, str, str | None], list[Price]] = defaultdict(list)
    for price in sorted(prices, key=_begins):
        found[_key(price)].append(price)
    return dict(found)


def _begins(price: Price) -> date:
    return price.effective_from or date.min
