"""Prices of Bedrock's models as the AWS Price List tells them.

It was written by what is documented and has never been run against the live API, whose usage types
and names follow several conventions. So whatever is not known to be tokens on demand of a model
that Bedrock lists by exactly that name is left out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import boto3

from cdk.operations.price_sources import regions_told_apart
from lambdas.domain.pricing import Price, Rates, TokenKind
from lambdas.domain.pricing.price import GLOBAL
from lambdas.domain.pricing.price_book import name_and_version

_DAY = "YYYY-MM-DD"
_REGION = "us-east-1"  # one of the few that have the API
_TOKENS = {"1k tokens": 3, "1m tokens": 0}
_OFFERS = {
    "AmazonBedrock": _TOKENS,
    "AmazonBedrockService": _TOKENS,
    "AmazonBedrockFoundationModels": _TOKENS | {"units": 0},  # of a million tokens
}
"""Bedrock's offers, and how many places a price of each unit is from that of a million tokens."""

# `USE1-NovaMicro-input-tokens`, `USW2-Nova2.0Lite-output-tokens-priority-cross-region-global`.
# Source: https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html
_USAGE = re.compile(
    r"[A-Z][A-Z0-9]+-(?!.*-mantle-)(?P<model>.+?)-(?P<kind>(?:input|output|cache)-[a-z0-9-]+?)"
    r"(?:-(?P<tier>standard|flex|priority))?(?P<is_global>-cross-region-global)?"
)
# `USE1-MP:USE1_InputTokenCount_Global-Units`, `USE1-MP:USE1_cache_read_tokens_standard-Units`.
_MARKETPLACE_USAGE = re.compile(
    r"[A-Z][A-Z0-9]+-MP:[A-Z][A-Z0-9]+_(?P<kind>\w+?)(?P<is_global>_[Gg]lobal)?"
    r"(?:_(?P<tier>standard|flex|priority))?-Units"
)
_KINDS = {
    "inputtokens": TokenKind.INPUT,
    "inputtokencount": TokenKind.INPUT,
    "outputtokens": TokenKind.OUTPUT,
    "outputtokencount": TokenKind.OUTPUT,
    "cachereadtokens": TokenKind.CACHE_READ,
    "cachereadinputtokencount": TokenKind.CACHE_READ,
    "cachewritetokens": TokenKind.CACHE_WRITE_5M,
    "cachewriteinputtokencount": TokenKind.CACHE_WRITE_5M,
    "cachewritetokens1h": TokenKind.CACHE_WRITE_1H,
    "cachewrite1hinputtokencount": TokenKind.CACHE_WRITE_1H,
}
_LARGE = re.compile("lctx|long[-_]c", re.IGNORECASE)
"""In usage types of what costs otherwise in large calls."""
_OTHERWISE_PAID = re.compile("batch|custom|provision|reserv|latency|long", re.IGNORECASE)

# `Claude Sonnet 4.5 (Amazon Bedrock Edition)`, `Claude4.5Sonnet`; `Command R+` is not `Command R`.
_SAYS_NOTHING = re.compile(r"\(amazon bedrock edition\)|(?<=\d)\.0(?!\d)|[.():_-]")
_CONTEXT_SIZE = re.compile(r"(?<=:\d):\w+$")
_Name: TypeAlias = tuple[str, tuple[str, ...]]
Models: TypeAlias = Mapping[_Name, str]
"""The ids of models by their names, without names that several have."""


class PriceList(NamedTuple):
    """What the AWS Price List tells.

    Attributes:
        prices: Those of each model, Region (or `GLOBAL`) and service tier.
        unknown: Names of which it tells prices, but that no model has, or several.
        ambiguous: What it tells two prices of, so that none was taken.
    """

    prices: tuple[Price, ...]
    unknown: tuple[str, ...]
    ambiguous: tuple[str, ...]


class _Rate(NamedTuple):
    names: tuple[str, ...]
    area: str
    tier: str | None
    kind: TokenKind
    usd_per_million: Decimal
    source: str


def fetch_price_list(session: boto3.Session, read_on: date) -> PriceList:
    """Read the AWS Price List, which takes a minute.

    Args:
        session: Of an account whose Region lists the models.
        read_on: The day, UTC.

    Raises:
        BotoCoreError, ClientError: AWS refused.
    """
    bedrock = session.client("bedrock", region_name=session.region_name or _REGION)
    models = models_by_name(bedrock.list_foundation_models()["modelSummaries"])
    pages = session.client("pricing", region_name=_REGION).get_paginator("get_products")
    products = (
        (offer, json.loads(text, parse_float=Decimal))
        for offer in _OFFERS
        for page in pages.paginate(ServiceCode=offer, FormatVersion="aws_v1")
        for text in page["PriceList"]
    )
    return read_price_list(products, models, read_on)


def models_by_name(summaries: Iterable[Mapping[str, Any]]) -> Models:
    """The models that `ListFoundationModels` told, by each name that is one model's alone."""
    found: defaultdict[_Name, set[str]] = defaultdict(set)
    for it in summaries:
        model_id = _CONTEXT_SIZE.sub("", it["modelId"])
        name, version = name_and_version(model_id)
        own = name if version in {None, "1"} else f"{name}-v{version}"
        told = it.get("modelName", own)
        full = f"{it.get('providerName', '')} {told}"
        for spelt in (own, own.partition(".")[2], told, full):
            found[_name(spelt)].add(model_id)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


def read_price_list(
    products: Iterable[tuple[str, Mapping[str, Any]]], models: Models, read_on: date
) -> PriceList:
    """Read products of the AWS Price List.

    They hold for as long as is known: their dates may be those of editions. Models that cost more
    in large calls are left out, as the list does not tell where those begin.

    Args:
        products: Each with the code of its offer, as `GetProducts` told it in its format `aws_v1`.
        models: What their names are those of.
        read_on: The day on which they are read.
    """
    told: defaultdict[tuple[str, str, str | None], defaultdict[TokenKind, set[Decimal]]]
    told = defaultdict(lambda: defaultdict(set))
    sources: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)
    unknown, large = set[str](), set[str | None]()
    for offer, product in products:
        about = product["product"]["attributes"]
        if _LARGE.search(about.get("usagetype", "")):
            large.add(_model_of((about.get("servicename", about.get("model", "")),), models))
        rate = _rate(offer, product, read_on)
        if rate is None:
            continue
        model_id = _model_of(rate.names, models)
        if model_id is None:
            unknown.add(rate.names[0])
            continue
        told[model_id, rate.area, rate.tier][rate.kind].add(rate.usd_per_million)
        sources[model_id, rate.tier].add(rate.source)
    prices, ambiguous = [], []
    for (model_id, area, tier), by_kind in told.items():
        usd = {kind: next(iter(values)) for kind, values in by_kind.items() if len(values) == 1}
        place = f"{area}, {tier}" if tier else area
        ambiguous += [f"{model_id} ({place}) {it}" for it in by_kind.keys() - usd.keys()]
        if TokenKind.INPUT in usd and model_id not in large:
            source = ", ".join(sorted(sources[model_id, tier]))
            prices.append(Price(model_id, area, None, (Rates(0, usd),), source, read_on, tier))
    return PriceList(tuple(prices), tuple(sorted(unknown)), tuple(sorted(ambiguous)))


def told_apart(prices: Iterable[Price], standing: Iterable[Price]) -> Iterator[Price]:
    """Prices of Regions as those of areas, see `regions_told_apart`.

    Args:
        prices: Those of Regions.
        standing: Those of other sources, beside which they are looked up.
    """
    standard: defaultdict[str, set[str]] = defaultdict(set)
    for it in standing:
        if it.service_tier is None:
            standard[name_and_version(it.model_id)[0]].add(it.area)
    by_model: defaultdict[tuple[str, str | None], dict[str, Price]] = defaultdict(dict)
    for it in prices:
        by_model[it.model_id, it.service_tier][it.area] = it
    for (model_id, tier), by_area in sorted(by_model.items(), key=lambda it: it[0][1] or ""):
        areas = standard[name_and_version(model_id)[0]]
        any_price = next(iter(by_area.values()))
        rates = {area: it.rates for area, it in by_area.items()}
        for area, of_area in regions_told_apart(rates, areas if tier else ()).items():
            if tier is None:
                areas.add(area)
            yield replace(any_price, area=area, rates=of_area)


def _rate(offer: str, product: Mapping[str, Any], read_on: date) -> _Rate | None:
    """What a product tells; `None` if it is not understood, or not paid by tokens on demand."""
    about = product["product"]["attributes"]
    usage = about.get("usagetype", "")
    marketplace, own = _MARKETPLACE_USAGE.fullmatch(usage), _USAGE.fullmatch(usage)
    found = marketplace or own
    term = _only(product.get("terms", {}).get("OnDemand", {}))
    price = _only(term.get("priceDimensions", {}))
    usd = Decimal(price.get("pricePerUnit", {}).get("USD", 0))
    places = _OFFERS[offer].get(price.get("unit", "").lower())
    if (
        found is None
        or places is None
        or usd <= 0
        or term.get("effectiveDate", "")[: len(_DAY)] > read_on.isoformat()
        or any(_OTHERWISE_PAID.search(about.get(it, "")) for it in ("feature", "inferenceType"))
    ):
        return None
    kind = _KINDS.get(re.sub("[-_]", "", found["kind"]).lower())
    area = GLOBAL if found["is_global"] else about.get("regionCode")
    model = about.get("servicename") if marketplace else about.get("model", found["model"])
    if kind is None or area is None or model is None:
        return None
    names = (model,) if marketplace else (found["model"], model)
    tier = None if found["tier"] == "standard" else found["tier"]
    source = f"AWS Price List {offer} {product['publicationDate'][: len(_DAY)]}"
    return _Rate(names, area, tier, kind, usd.scaleb(places).normalize(), source)


def _only(entries: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The entry, where there is one alone; of several it is not known which one holds."""
    return next(iter(entries.values())) if len(entries) == 1 else {}


def _model_of(names: Iterable[str], models: Models) -> str | None:
    """The model of the first name, unless another one is that of another model."""
    first, *others = (models.get(_name(it)) for it in names)
    return first if {first, None}.issuperset(others) else None


def _name(spelt: str) -> _Name:
    """What a name says: its letters and its numbers, each in their order."""
    said = _SAYS_NOTHING.sub(" ", spelt.casefold())
    return re.sub(r"[\s\d]", "", said), tuple(re.findall(r"\d+", said))
