"""Writes a charge as a row of FOCUS 1.2.

A row is the meter's own estimate, from Bedrock's invocation logs and a price book:
it belongs to no invoice, and its SKUs are entries of that book.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.invocations import CallerIdentity
from lambdas.domain.pricing import BilledUnit, TokenKind
from lambdas.domain.reports.focus.charges import Charge, ChargeKey, Meter, is_formula
from lambdas.domain.reports.focus.columns import COLUMNS, DECIMAL_DIGITS
from lambdas.domain.reports.focus.regions import region_name
from lambdas.domain.words import exact_text

Value: TypeAlias = "str | Decimal | datetime | None"
Row: TypeAlias = Mapping[str, Value]
"""A value for each of `COLUMNS`, in their order."""

EXACTLY = Context(prec=DECIMAL_DIGITS, traps=[Inexact, InvalidOperation])
"""Arithmetic of money: what would have to be rounded raises instead."""

_PROVIDER = "AWS"
_SERVICE = "Amazon Bedrock"
_TOKENS = "Tokens"
_MILLION = f"1000000 {_TOKENS}"
_OF_A_MILLION = -6  # places of the decimal point
_UNLISTED = "unlisted"
_METER_NAMES: Mapping[Meter, str] = {
    TokenKind.INPUT: "Input Tokens",
    TokenKind.OUTPUT: "Output Tokens",
    TokenKind.CACHE_READ: "Cache Read Tokens",
    TokenKind.CACHE_WRITE_5M: "5-Minute Cache Write Tokens",
    TokenKind.CACHE_WRITE_1H: "1-Hour Cache Write Tokens",
    **{unit: f"{unit.replace('_', ' ').title()}s" for unit in BilledUnit},
}
_UNIT_NAMES = {"image": "Images", "second": "Seconds"}
"""Units of the specification by the last word of ours; all others are `Units`. Source:
https://focus.finops.org/focus-specification/v1-2/#unitformat
"""
_ARN_PARTS = 6
_OF_AWS_S_OWN = frozenset({"foundation-model", "inference-profile"})
_EMPTY: dict[str, Value] = {column.name: None for column in COLUMNS}


class Costs(NamedTuple):
    """The cost of a charge, in US dollars, exactly.

    Attributes:
        quantity: The million tokens or the units that it has.
        usd: The amount paid.
        list_unit_usd: The list price; the contracted price where that is the only one.
        list_usd: The cost at that price.
    """

    quantity: Decimal
    usd: Decimal
    list_unit_usd: Decimal
    list_usd: Decimal


def build_costs(charge: Charge) -> Costs:
    """Compute the cost of a charge.

    Raises:
        decimal.Inexact: A cost has more digits than a decimal holds.
    """
    key = charge.key
    quantity = Decimal(charge.quantity)
    if isinstance(key.meter, TokenKind):
        quantity = quantity.scaleb(_OF_A_MILLION, EXACTLY)
    list_unit_usd = key.usd if key.list_usd is None else key.list_usd
    usd = EXACTLY.multiply(quantity, key.usd)
    return Costs(quantity, usd, list_unit_usd, EXACTLY.multiply(quantity, list_unit_usd))


def build_row(charge: Charge, billing_account_id: str | None = None) -> Row:
    """Write a charge as a row. Columns without a known value are `None`.

    Args:
        charge: The usage, and what it has in common.
        billing_account_id: The account that pays, where that is not the account that was called.

    Raises:
        decimal.Inexact: A cost has more digits than a decimal holds.
    """
    key, quantity = charge
    costs = build_costs(charge)
    consumed_unit, pricing_unit = _units(key.meter)
    payer = billing_account_id or key.account_id
    return {
        **_EMPTY,
        "BilledCost": costs.usd,
        "BillingAccountId": payer,
        "BillingAccountName": payer,  # logs do not have the name of an account
        "BillingCurrency": "USD",
        "BillingPeriodEnd": midnight(month_after(key.month)),
        "BillingPeriodStart": midnight(key.month),
        "ChargeCategory": "Usage",
        "ChargeDescription": _describe(key),
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": midnight(key.day + timedelta(days=1)),
        "ChargePeriodStart": midnight(key.day),
        "ConsumedQuantity": Decimal(quantity),
        "ConsumedUnit": consumed_unit,
        "ContractedCost": costs.usd,
        "ContractedUnitPrice": key.usd,
        "EffectiveCost": costs.usd,
        "InvoiceIssuerName": _PROVIDER,
        "ListCost": costs.list_usd,
        "ListUnitPrice": costs.list_unit_usd,
        "PricingCategory": "Standard",
        "PricingQuantity": costs.quantity,
        "PricingUnit": pricing_unit,
        "ProviderName": _PROVIDER,
        "PublisherName": _PROVIDER,
        "RegionId": key.region or None,
        "RegionName": region_name(key.region) if key.region else None,
        **_resource(key.invoked_model_id),
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": _SERVICE,
        "ServiceSubcategory": "Generative AI",
        **_sku(key),
        "SubAccountId": key.account_id,
        "SubAccountName": key.account_id,
        "Tags": _tags(key),
        "x_AttributedBy": key.source.value,
        "x_CostBasis": "Estimate",
        "x_IdentityArn": inert(key.identity_arn),
        "x_InvokedModelId": inert(key.invoked_model_id),
        "x_ListPriceSource": key.list_price.source if key.list_price else None,
        "x_ModelId": inert(key.model_id),
        "x_PriceBasis": key.list_price.basis.value if key.list_price else None,
        "x_PriceEdition": key.edition or None,
        "x_Principal": inert(CallerIdentity.from_arn(key.identity_arn).principal),
    }


def month_after(month: date) -> date:
    """The first day of the next month."""
    return (month.replace(day=1) + timedelta(days=31)).replace(day=1)


def midnight(day: date) -> datetime:
    """The beginning of a day, in UTC."""
    return datetime.combine(day, time(), UTC)


def _describe(key: ChargeKey) -> str:
    per = "a million" if isinstance(key.meter, TokenKind) else "each"
    return (
        f"{_SERVICE} {key.model_id}: {_METER_NAMES[key.meter]} at {exact_text(key.usd)} USD {per}"
        " (estimate)"
    )


def _units(meter: Meter) -> tuple[str, str]:
    """The unit of what is consumed, and the one that has a price."""
    if isinstance(meter, TokenKind):
        return _TOKENS, _MILLION
    unit = _UNIT_NAMES.get(meter.rpartition("_")[2], "Units")
    return unit, unit


def _resource(invoked_model_id: str) -> dict[str, Value]:
    """The columns of a resource, such as an application inference profile; empty without one."""
    parts = invoked_model_id.split(":", _ARN_PARTS - 1)
    kind = parts[-1].partition("/")[0]
    if parts[0] != "arn" or len(parts) != _ARN_PARTS or not kind or kind in _OF_AWS_S_OWN:
        return {}
    return {"ResourceId": invoked_model_id, "ResourceType": kind.replace("-", " ").title()}


def _sku(key: ChargeKey) -> dict[str, Value]:
    """The entry of the price book. What is contracted, and when a price began, is no part of it."""
    listed = key.list_price
    model_id = listed.model_id if listed else key.model_id
    area = listed.area if listed else _UNLISTED
    size = listed.above_input_tokens if listed else 0
    sku_id = f"{model_id}/{key.meter.value}"
    kind = "x_TokenKind" if isinstance(key.meter, TokenKind) else "x_BilledUnit"
    return {
        "SkuId": sku_id,
        "SkuMeter": _METER_NAMES[key.meter],
        "SkuPriceDetails": to_json(
            x_Area=area,
            x_CallSize=f"above {size} input tokens" if size else "any",
            x_ModelId=model_id,
            **({"x_ServiceTier": key.service_tier} if key.service_tier else {}),
            **{kind: key.meter.value},
        ),
        "SkuPriceId": "/".join(filter(None, (sku_id, area, str(size), key.service_tier))),
    }


def _tags(key: ChargeKey) -> str | None:
    """The labels that the calls are attributed to, as tags; unknown labels are left out."""
    labels = {"department": key.department, "project": key.project, "use_case": key.use_case}
    known = {name: label for name, label in labels.items() if label != UNATTRIBUTED}
    return to_json(**known) if known else None


def inert(text: str) -> str:
    """Text of a log as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if is_formula(text) else text


def to_json(**values: str) -> str:
    """Write keys and values as a cell."""
    return json.dumps(values, ensure_ascii=False)
