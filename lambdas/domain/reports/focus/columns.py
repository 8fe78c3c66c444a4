"""The columns of FOCUS 1.2, dataset Cost and Usage: facts of the specification, and our own ones.

Source: https://focus.finops.org/focus-specification/v1-2/ (its columns and attributes).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.pricing import PriceBasis

FOCUS_VERSION = "1.2"
CUSTOM_PREFIX = "x_"
"""The prefix of columns that are not in the specification."""
DECIMAL_DIGITS = 38
"""The digits of a decimal in Parquet and most databases."""


class FeatureLevel(StrEnum):
    """The requirement for a column to be in a dataset."""

    MANDATORY = "Mandatory"
    CONDITIONAL = "Conditional"
    """If what it is about exists."""
    RECOMMENDED = "Recommended"


class DataType(StrEnum):
    """The data type of a column."""

    STRING = "String"
    DECIMAL = "Decimal"
    DATE_TIME = "Date/Time"
    JSON = "JSON"
    """An object of JSON, as text: keys, each once, with plain values."""


class Column(NamedTuple):
    """A column of the specification.

    Attributes:
        name: Its ID there.
        level: Whether a dataset has to have it.
        data_type: Its data type.
        is_nullable: Whether a row may leave it empty.
        allowed: The only values; empty for any. Those of `ServiceSubcategory`, some eighty, are
            left to the tests.
        decimal_places: The most places that a decimal may have.
    """

    name: str
    level: FeatureLevel
    data_type: DataType = DataType.STRING
    is_nullable: bool = True
    allowed: tuple[str, ...] = ()
    decimal_places: int = 0

    @property
    def is_custom(self) -> bool:
        """True for a column of our own."""
        return self.name.startswith(CUSTOM_PREFIX)


_SERVICE_CATEGORIES = (
    *("AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases"),
    *("Developer Tools", "Multicloud", "Identity", "Integration", "Internet of Things"),
    *("Management and Governance", "Media", "Migration", "Mobile", "Networking", "Security"),
    *("Storage", "Web", "Other"),
)
_USED = ("Used", "Unused")
# A price has at most 20 places: 8 of a list price, 12 of a discount's share. Of a quantity in
# millions there are 6, so that a cost has 26, and no product needs to be rounded.
_OF_PRICES, _OF_QUANTITIES, _OF_COSTS = 20, 6, 26


def _must(
    name: str,
    data_type: DataType = DataType.STRING,
    *,
    is_nullable: bool = False,
    allowed: tuple[str, ...] = (),
    decimal_places: int = 0,
) -> Column:
    level = FeatureLevel.MANDATORY
    return Column(name, level, data_type, is_nullable, allowed, decimal_places)


def _may(
    name: str,
    data_type: DataType = DataType.STRING,
    *,
    is_nullable: bool = True,
    allowed: tuple[str, ...] = (),
    decimal_places: int = 0,
) -> Column:
    level = FeatureLevel.CONDITIONAL
    return Column(name, level, data_type, is_nullable, allowed, decimal_places)


_COLUMNS = (
    Column("AvailabilityZone", FeatureLevel.RECOMMENDED),
    _must("BilledCost", DataType.DECIMAL, decimal_places=_OF_COSTS),
    _must("BillingAccountId"),
    _must("BillingAccountName", is_nullable=True),
    _may("BillingAccountType", is_nullable=False),
    _must("BillingCurrency"),
    _must("BillingPeriodEnd", DataType.DATE_TIME),
    _must("BillingPeriodStart", DataType.DATE_TIME),
    _may("CapacityReservationId"),
    _may("CapacityReservationStatus", allowed=_USED),
    _must("ChargeCategory", allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    _must("ChargeClass", is_nullable=True, allowed=("Correction",)),
    _must("ChargeDescription", is_nullable=True),
    Column(
        "ChargeFrequency",
        FeatureLevel.RECOMMENDED,
        is_nullable=False,
        allowed=("One-Time", "Recurring", "Usage-Based"),
    ),
    _must("ChargePeriodEnd", DataType.DATE_TIME),
    _must("ChargePeriodStart", DataType.DATE_TIME),
    _may("CommitmentDiscountCategory", allowed=("Spend", "Usage")),
    _may("CommitmentDiscountId"),
    _may("CommitmentDiscountName"),
    _may("CommitmentDiscountQuantity", DataType.DECIMAL),
    _may("CommitmentDiscountStatus", allowed=_USED),
    _may("CommitmentDiscountType"),
    _may("CommitmentDiscountUnit"),
    _may("ConsumedQuantity", DataType.DECIMAL),
    _may("ConsumedUnit"),
    _must("ContractedCost", DataType.DECIMAL, decimal_places=_OF_COSTS),
    _may("ContractedUnitPrice", DataType.DECIMAL, decimal_places=_OF_PRICES),
    _must("EffectiveCost", DataType.DECIMAL, decimal_places=_OF_COSTS),
    Column("InvoiceId", FeatureLevel.RECOMMENDED),
    _must("InvoiceIssuerName"),
    _must("ListCost", DataType.DECIMAL, decimal_places=_OF_COSTS),
    _may("ListUnitPrice", DataType.DECIMAL, decimal_places=_OF_PRICES),
    _may("PricingCategory", allowed=("Standard", "Dynamic", "Committed", "Other")),
    _may("PricingCurrency"),
    _may("PricingCurrencyContractedUnitPrice", DataType.DECIMAL, decimal_places=_OF_PRICES),
    _may("PricingCurrencyEffectiveCost", DataType.DECIMAL, decimal_places=_OF_COSTS),
    _may("PricingCurrencyListUnitPrice", DataType.DECIMAL, decimal_places=_OF_PRICES),
    _must("PricingQuantity", DataType.DECIMAL, is_nullable=True, decimal_places=_OF_QUANTITIES),
    _must("PricingUnit", is_nullable=True),
    _must("ProviderName"),
    _must("PublisherName"),
    _may("RegionId"),
    _may("RegionName"),
    _may("ResourceId"),
    _may("ResourceName"),
    _may("ResourceType"),
    _must("ServiceCategory", allowed=_SERVICE_CATEGORIES),
    _must("ServiceName"),
    Column("ServiceSubcategory", FeatureLevel.RECOMMENDED, is_nullable=False),
    _may("SkuId"),
    _may("SkuMeter"),
    _may("SkuPriceDetails", DataType.JSON),
    _may("SkuPriceId"),
    _may("SubAccountId"),
    _may("SubAccountName"),
    _may("SubAccountType"),
    _may("Tags", DataType.JSON),
)
SPECIFIED = {column.name: column for column in _COLUMNS}
"""All columns of the specification, by name, in its order."""

LEFT_OUT = frozenset(
    {
        "AvailabilityZone",  # Bedrock is called in a Region
        *("BillingAccountType", "SubAccountType"),  # AWS has accounts of one type
        # Prices are in the currency of the bill.
        *("PricingCurrency", "PricingCurrencyContractedUnitPrice"),
        *("PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice"),
    }
)
"""Columns whose condition does not hold, so that the specification lets them be left out.

AWS has commitments and reservations, which calls on demand have no part in: these columns are
there, and empty.
"""

_OWN = (
    _must("x_AttributedBy"),
    _must("x_CostBasis", allowed=("Estimate",)),
    _must("x_IdentityArn"),
    _must("x_InvokedModelId"),
    _must("x_ListPriceSource", is_nullable=True),
    _must("x_ModelId"),
    _must("x_PriceBasis", is_nullable=True, allowed=tuple(basis.value for basis in PriceBasis)),
    _must("x_PriceEdition", is_nullable=True),
    _must("x_Principal"),
)

_WRITTEN = tuple(column for column in _COLUMNS if column.name not in LEFT_OUT)
COLUMNS = (*_WRITTEN, *_OWN)
"""The columns that are written, in order: those of the specification, then our own.

`x_ListPriceSource` is empty where no list price is known, but an agreed one: the agreed price then
stands for it, and shows no savings. So is `x_PriceBasis`, which says what the list price rests on:
the Region, the geography or the global profile that was called, or a price of another place, which
is `assumed`.
`x_PriceEdition` is the edition of the price book, where it has a name.
"""

_CREDIT_QUANTITIES = 12
_OF_CREDITS = (
    _must("x_CreditGrant", is_nullable=True),
    _must("x_CreditKind", allowed=("grant", "usage", "overage", "expiry", "void")),
    _must("x_CreditScope", is_nullable=True),
)
CREDIT_COLUMNS = (
    *(
        column._replace(decimal_places=_CREDIT_QUANTITIES)
        if column.name in {"ConsumedQuantity", "PricingQuantity"}
        else column
        for column in _WRITTEN
    ),
    *_OF_CREDITS,
)
"""The columns of credits: those of the specification, then our own ones.

A unit of credit is a US dollar, so that quantities have the places of pico-dollars. `x_CreditGrant`
is empty for usage, which several grants may have paid together.
"""
