"""Writes the books of credits as rows of FOCUS 1.2: purchases, usage, expiries and voids.

`BilledCost` is what credits and overage cost, and `EffectiveCost` is what usage has drawn of them.
Over all time, their difference is the rest of all open grants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.budgets import BudgetScope, ScopeField, to_usd
from lambdas.domain.credits import (
    AccountKind,
    CreditEntry,
    EntryKind,
    floor_hour,
    read_scope_key,
    scope_key,
)
from lambdas.domain.reports.focus.columns import CREDIT_COLUMNS
from lambdas.domain.reports.focus.regions import region_name
from lambdas.domain.reports.focus.rows import Row, Value, inert, midnight, month_after, to_json

PROVIDER = "Bedrock Meter"
_SERVICE = "Bedrock Meter credits"
_GRANT = AccountKind.GRANT
_SKU = "credit"
_UNIT = "Units"
_HOUR = timedelta(hours=1)
_EMPTY: dict[str, Value] = {column.name: None for column in CREDIT_COLUMNS}
_TAGS = (ScopeField.DEPARTMENT, ScopeField.PROJECT, ScopeField.USE_CASE)


class CreditKind(StrEnum):
    """The kind of a row."""

    GRANT = "grant"
    USAGE = "usage"
    """Usage that grants have paid."""
    OVERAGE = "overage"
    """Usage that no grant has paid."""
    EXPIRY = "expiry"
    VOID = "void"


class CreditIssuer(NamedTuple):
    """The deployment whose books are written.

    Attributes:
        account_id: Its account.
        region: Its Region.
    """

    account_id: str
    region: str


class CreditCharge(NamedTuple):
    """A row before it is written: postings of one kind with the same properties.

    Attributes:
        month: The first day of the billing period, that of booking.
        hour: The start of the hour that it is for: of use, or else of booking.
        kind: Its kind.
        name: The id of the grant, or the key of the scope of usage and overage. It is empty if a
            correction of usage gave to closed grants.
        picodollars: The amount.
    """

    month: date
    hour: datetime
    kind: CreditKind
    name: str
    picodollars: int


class _Costs(NamedTuple):
    """The costs of a kind of rows: each is the amount times a factor."""

    category: str
    frequency: str
    billed: int
    effective: int
    listed: int


_COSTS: Mapping[CreditKind, _Costs] = {
    CreditKind.GRANT: _Costs("Purchase", "One-Time", 1, 0, 1),
    CreditKind.USAGE: _Costs("Usage", "Usage-Based", 0, 1, 1),
    CreditKind.OVERAGE: _Costs("Usage", "Usage-Based", 1, 1, 1),
    CreditKind.EXPIRY: _Costs("Adjustment", "One-Time", 0, 1, 0),
    CreditKind.VOID: _Costs("Adjustment", "One-Time", -1, 0, -1),
}
_DESCRIPTIONS = {
    CreditKind.GRANT: "Credits granted",
    CreditKind.USAGE: "Amazon Bedrock usage paid by credits (estimate)",
    CreditKind.OVERAGE: "Amazon Bedrock usage beyond credits (estimate)",
    CreditKind.EXPIRY: "Credits expired",
    CreditKind.VOID: "Credits voided",
}


class CreditSums(NamedTuple):
    """The sums of rows, in pico-dollars.

    Attributes:
        rows: The number of rows.
        granted: The amounts of grants.
        usage: Usage that grants have paid.
        overage: Usage that no grant has paid.
        expired: Credits that expired.
        voided: Credits that were voided.
    """

    rows: int = 0
    granted: int = 0
    usage: int = 0
    overage: int = 0
    expired: int = 0
    voided: int = 0

    @property
    def billed_usd(self) -> Decimal:
        """The sum of `BilledCost`."""
        return to_usd(self.granted + self.overage - self.voided)

    @property
    def effective_usd(self) -> Decimal:
        """The sum of `EffectiveCost`."""
        return to_usd(self.usage + self.overage + self.expired)


@dataclass(frozen=True, slots=True)
class CreditCharges:
    """The charges of entries, in order of their billing periods and hours.

    Attributes:
        charges: The charges; none has the amount 0.
    """

    charges: tuple[CreditCharge, ...]

    @classmethod
    def from_entries(cls, entries: Iterable[CreditEntry]) -> CreditCharges:
        """Add up entries: usage by hour and scope, all else by entry and grant."""
        amounts: defaultdict[tuple[date, datetime, CreditKind, str], int] = defaultdict(int)
        for entry in entries:
            month = entry.booked_at.astimezone(UTC).date().replace(day=1)
            hour = floor_hour(entry.hour or entry.booked_at)
            for kind, name, picodollars in _list_amounts(entry):
                amounts[month, hour, kind, name] += picodollars
        found = (CreditCharge(*key, amount) for key, amount in amounts.items() if amount)
        return cls(tuple(sorted(found)))

    def add_up(self) -> CreditSums:
        """Add up all charges."""
        sums: defaultdict[CreditKind, int] = defaultdict(int)
        for charge in self.charges:
            sums[charge.kind] += charge.picodollars
        return CreditSums(
            len(self.charges),
            sums[CreditKind.GRANT],
            sums[CreditKind.USAGE],
            sums[CreditKind.OVERAGE],
            sums[CreditKind.EXPIRY],
            sums[CreditKind.VOID],
        )

    def write_rows(
        self,
        issuer: CreditIssuer,
        get_scope: Callable[[str], BudgetScope | None],
    ) -> Iterator[Row]:
        """Write each charge as a row.

        Args:
            issuer: The deployment.
            get_scope: Gets the scope of a grant, by its id; `None` if it is not known.
        """
        for charge in self.charges:
            is_usage = charge.kind in {CreditKind.USAGE, CreditKind.OVERAGE}
            scope = read_scope_key(charge.name) if is_usage else get_scope(charge.name)
            yield _write_row(charge, issuer, scope)


def _list_amounts(entry: CreditEntry) -> Iterator[tuple[CreditKind, str, int]]:
    """List the amounts of an entry. Its usage is that of all payers, so overage is taken out.

    A correction of usage gives to grants that are closed. It names none of them.
    """
    grants = [each.account.name for each in entry.postings if each.account.kind is _GRANT]
    grant = "" if entry.kind is EntryKind.USAGE else next(iter(grants), "")
    for account, picodollars in entry.postings:
        match account.kind:
            case AccountKind.GRANTED:
                yield CreditKind.GRANT, grant, -picodollars
            case AccountKind.USAGE:
                yield CreditKind.USAGE, account.name, picodollars
            case AccountKind.OVERAGE:
                yield CreditKind.OVERAGE, account.name, -picodollars
                yield CreditKind.USAGE, account.name, picodollars
            case AccountKind.EXPIRED:
                yield CreditKind.EXPIRY, grant, picodollars
            case AccountKind.VOIDED:
                yield CreditKind.VOID, grant, picodollars
            case AccountKind.GRANT:
                pass  # the other side of the postings above


def _write_row(charge: CreditCharge, issuer: CreditIssuer, scope: BudgetScope | None) -> Row:
    costs, amount = _COSTS[charge.kind], charge.picodollars
    is_usage = costs.category == "Usage"
    is_late = charge.hour.date().replace(day=1) < charge.month
    return {
        **_EMPTY,
        "BilledCost": to_usd(costs.billed * amount),
        "BillingAccountId": issuer.account_id,
        "BillingAccountName": issuer.account_id,
        "BillingCurrency": "USD",
        "BillingPeriodEnd": midnight(month_after(charge.month)),
        "BillingPeriodStart": midnight(charge.month),
        "ChargeCategory": costs.category,
        "ChargeClass": "Correction" if is_late else None,
        "ChargeDescription": _DESCRIPTIONS[charge.kind],
        "ChargeFrequency": costs.frequency,
        "ChargePeriodEnd": charge.hour + _HOUR,
        "ChargePeriodStart": charge.hour,
        "ContractedCost": to_usd(costs.listed * amount),
        "EffectiveCost": to_usd(costs.effective * amount),
        "InvoiceIssuerName": PROVIDER,
        "ListCost": to_usd(costs.listed * amount),
        "ProviderName": PROVIDER,
        "PublisherName": PROVIDER,
        "RegionId": issuer.region,
        "RegionName": region_name(issuer.region),
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": _SERVICE,
        "ServiceSubcategory": "Generative AI",
        **(_price(amount) if costs.category != "Adjustment" else {}),
        **({"ConsumedQuantity": to_usd(amount), "ConsumedUnit": _UNIT} if is_usage else {}),
        "SubAccountId": issuer.account_id,
        "SubAccountName": issuer.account_id,
        "Tags": None if scope is None else _write_tags(scope),
        "x_CreditGrant": None if is_usage or not charge.name else inert(charge.name),
        "x_CreditKind": charge.kind.value,
        "x_CreditScope": None if scope is None else scope_key(scope),
    }


def _price(amount: int) -> dict[str, Value]:
    """Write the columns of the price: a unit of credit is one US dollar."""
    return {
        "ContractedUnitPrice": Decimal(1),
        "ListUnitPrice": Decimal(1),
        "PricingCategory": "Standard",
        "PricingQuantity": to_usd(amount),
        "PricingUnit": _UNIT,
        "SkuId": _SKU,
        "SkuMeter": "Credits",
        "SkuPriceDetails": to_json(x_Unit="1 USD"),
        "SkuPriceId": f"{_SKU}/1-usd",
    }


def _write_tags(scope: BudgetScope) -> str | None:
    """Write the labels that a scope names, each with one value, as tags."""
    named = {field.value: scope.named_value(field) for field in _TAGS}
    known = {name: value for name, value in named.items() if value is not None}
    return to_json(**known) if known else None
