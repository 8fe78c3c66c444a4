"""Reads one product of the AWS Price List into the price of one model, kind, Region and tier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.pricing.price import MAX_USD, MAX_USD_DIGITS, BilledUnit, Routing
from lambdas.domain.pricing.price_list.model_names import ModelNames, shipped_names
from lambdas.domain.pricing.price_list.usage_types import (
    MAX_USAGE_TYPE_LENGTH,
    Endpoint,
    Measure,
    Plan,
    UsageType,
    read_usage_type,
)
from lambdas.domain.words import exact_text

OFFERS = ("AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels")
"""The offers of the AWS Price List that hold prices of Bedrock."""
DAY_LENGTH = len("YYYY-MM-DD")

_ONE = Decimal(1)
_FIGURE = re.compile(r"\d{1,7}(?:\.\d{1,18})?(?:E[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
"""A price with so few digits that it can be multiplied without rounding."""
_FACTORS = {"1k tokens": Decimal(1000), "1m tokens": _ONE}
_MARKETPLACE_UNIT = "units"
"""A million tokens, or one other unit, in AWS Marketplace's rows until the summer of 2026."""
_SPELLINGS = {
    BilledUnit.IMAGE: frozenset({"image", "images", "images processed"}),
    BilledUnit.SEARCH_UNIT: frozenset({"search unit", "search units"}),
    BilledUnit.AUDIO_SECOND: frozenset({"second", "seconds"}),
    BilledUnit.VIDEO_SECOND: frozenset({"second", "seconds"}),
    BilledUnit.GUARDRAIL_CONTENT_IMAGE: frozenset({"image", "images", "images processed"}),
}
_TEXT_UNITS = frozenset({"textunit", "text unit", "text units"})  # of guardrails
_NAME_ATTRIBUTES = ("model", "titanModel")

Attributes: TypeAlias = Mapping[str, str]


class LeftOut(StrEnum):
    """A reason why a row is not a price of calls on demand or in a batch."""

    USAGE_TYPE_NOT_UNDERSTOOD = "usage_type_not_understood"
    UNMAPPED_MODEL = "unmapped_model"
    UNKNOWN_REGION = "unknown_region"
    UNKNOWN_UNIT = "unknown_unit"
    NO_USD_PRICE = "no_usd_price"
    CONTRADICTORY = "contradictory"
    """The usage type and an attribute say different things."""
    VOLUME_TIER = "volume_tier"
    """The price changes with the amount of a month."""
    NOT_YET_EFFECTIVE = "not_yet_effective"
    TEXT_TOO_LONG = "text_too_long"
    NO_PRODUCT = "no_product"
    """A price without a product to go with it."""
    CUSTOM_MODEL = "custom_model"
    PROVISIONED = "provisioned"
    RESERVED = "reserved"
    CUSTOMIZATION = "customization"


class NotARow(NamedTuple):
    """A row that is left out.

    Attributes:
        reason: The reason for leaving it out.
        subject: The name of an unmapped model, else the usage type; cut off where it is long.
    """

    reason: LeftOut
    subject: str


class ListedPrice(NamedTuple):
    """The price of a product, as the AWS Price List writes it.

    Attributes:
        unit: Such as `1K tokens`.
        usd: US dollars for one such unit.
        effective_from: ISO 8601. It may be the day of the edition, not that of the price.
    """

    unit: str
    usd: str
    effective_from: str = ""


class PriceKey(NamedTuple):
    """Everything that sets a listed price apart from the others.

    Attributes:
        model_id: The foundation model.
        region: The Region that is called.
        routing: The way a call reaches the model.
        service_tier: `None` for the standard tier.
        plan: `ON_DEMAND` or `BATCH`.
        endpoint: The endpoint that is called.
        is_long_context: Whether it is the price of large calls. The list does not say where
            these begin.
        variant: Anything else that decides on the price, see `UsageType`; empty for nothing else.
        measure: The kind of tokens or the unit.
    """

    model_id: str
    region: str
    routing: Routing
    service_tier: str | None
    plan: Plan
    endpoint: Endpoint
    is_long_context: bool
    variant: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class PriceListRow:
    """One price of the AWS Price List.

    Attributes:
        key: The model, place and measure that it is the price of.
        usd: For a million tokens, or for one of another unit. 0 is a price.
        effective_from: The day that the row gives, which may be the day of its edition.
        offer: The offer that holds it.
        usage_type: As the list spells it.
    """

    key: PriceKey
    usd: Decimal
    effective_from: date | None
    offer: str
    usage_type: str


def read_row(
    offer: str, attributes: Attributes, price: ListedPrice, names: ModelNames | None = None
) -> PriceListRow | NotARow:
    """Read one product and its price.

    Args:
        offer: One of `OFFERS`.
        attributes: Those of the product.
        price: Its price on demand.
        names: The names of models; the shipped ones by default.
    """
    text = attributes.get("usagetype", "")
    read = _read_usage(text, attributes)
    if isinstance(read, LeftOut):
        return NotARow(read, text[:MAX_USAGE_TYPE_LENGTH])
    usage, measure = read
    usd = _usd(usage, measure, price)
    if isinstance(usd, LeftOut):
        return NotARow(usd, text)
    region = attributes.get("regionCode") or usage.region
    if region is None:
        return NotARow(LeftOut.UNKNOWN_REGION, text)
    spelled = _names(attributes, usage)
    model_id = (names or shipped_names()).find(spelled)
    if model_id is None:
        return NotARow(LeftOut.UNMAPPED_MODEL, next(iter(spelled), text)[:MAX_USAGE_TYPE_LENGTH])
    key = PriceKey(
        model_id=model_id,
        region=region,
        routing=usage.routing,
        service_tier=usage.service_tier,
        plan=usage.plan,
        endpoint=usage.endpoint,
        is_long_context=usage.is_long_context,
        variant=usage.variant,
        measure=measure,
    )
    return PriceListRow(key, usd, read_day(price.effective_from), offer, text)


def _read_usage(text: str, attributes: Attributes) -> tuple[UsageType, Measure] | LeftOut:
    """Read a usage type on demand or of a batch, and check it against the attributes."""
    usage = read_usage_type(text)
    if usage is not None and usage.plan not in {Plan.ON_DEMAND, Plan.BATCH}:
        return LeftOut(usage.plan.value)
    if usage is None or usage.measure is None:
        return LeftOut.USAGE_TYPE_NOT_UNDERSTOOD
    return LeftOut.CONTRADICTORY if _contradicts(usage, attributes) else (usage, usage.measure)


def _names(attributes: Attributes, usage: UsageType) -> tuple[str, ...]:
    """The names of the model, the most reliable first; AWS Marketplace has one alone."""
    spelled = [attributes.get(name, "") for name in _NAME_ATTRIBUTES]
    spelled.append(usage.model or attributes.get("servicename", ""))
    return tuple(name for name in spelled if name)


def _contradicts(usage: UsageType, attributes: Attributes) -> bool:
    """Say if an attribute names another Region, plan or tier than the usage type does."""
    region = attributes.get("regionCode")
    if region and usage.region not in {None, region}:
        return True
    feature = attributes.get("feature", "").lower()
    if "custom" in feature or "provisioned" in feature:
        return True
    tier = attributes.get("service_tier", "").lower().removeprefix("global-")
    is_batch = "batch" in feature or tier == "batch"
    if tier in {"", "standard", "batch"}:
        return is_batch and usage.plan is not Plan.BATCH
    return tier != usage.service_tier


def _usd(usage: UsageType, measure: Measure, price: ListedPrice) -> Decimal | LeftOut:
    """US dollars for a million tokens, or for one of another unit."""
    factor = _factor(usage, measure, price.unit.strip().lower())
    if factor is None:
        return LeftOut.UNKNOWN_UNIT
    if not _FIGURE.fullmatch(price.usd):
        return LeftOut.NO_USD_PRICE
    usd = Decimal(price.usd) * factor
    return usd.normalize() if _is_within_limits(usd) else LeftOut.NO_USD_PRICE


def _factor(usage: UsageType, measure: Measure, unit: str) -> Decimal | None:
    """The factor from one unit as listed to a million tokens, or to one of another unit."""
    is_unnamed = usage.is_marketplace and unit == _MARKETPLACE_UNIT
    if isinstance(measure, BilledUnit):
        return _ONE if is_unnamed or unit in _SPELLINGS.get(measure, _TEXT_UNITS) else None
    return _ONE if is_unnamed else _FACTORS.get(unit)


def _is_within_limits(usd: Decimal) -> bool:
    """Say if a price has a size, and a number of digits written out, that a book can hold."""
    whole, _, fraction = exact_text(usd).partition(".")
    return usd <= MAX_USD and len(whole.lstrip("0") + fraction) <= MAX_USD_DIGITS


def read_day(text: str) -> date | None:
    """Read the day that a time in ISO 8601 begins with; `None` where it has no day."""
    try:
        return date.fromisoformat(text[:DAY_LENGTH])
    except ValueError:
        return None
