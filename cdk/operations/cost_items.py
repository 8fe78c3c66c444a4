"""Lines of a monthly bill, and the dated table of AWS's list prices that they are made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

GB_OF_A_FUNCTION = Decimal("0.5")
GB = Decimal(10**9)
MILLION = Decimal(10**6)
READ_UNITS = "dynamodb_read_units_million"
WRITE_UNITS = "dynamodb_write_units_million"
_PRICES = Path(__file__).with_name("unit_prices.json")
_METRICS_AT_FULL_PRICE = 10_000


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of the bill.

    Attributes:
        service: The AWS service.
        what: The part of the service that is billed.
        usd: Dollars a month.
    """

    service: str
    what: str
    usd: Decimal


class UnitPrices:
    """AWS's list prices at a date, in one Region, in US dollars."""

    def __init__(self) -> None:
        """Read the table."""
        table = json.loads(_PRICES.read_text())
        self.date: str = table["date"]
        self.region: str = table["region"]
        self._usd = {name: Decimal(price["usd"]) for name, price in table["prices"].items()}

    def __getitem__(self, name: str) -> Decimal:
        """The price of a unit."""
        return self._usd[name]


def price_function(
    what: str, runs: Decimal | int, seconds: Decimal, prices: UnitPrices
) -> CostItem:
    """Estimate a function of the usual memory."""
    return CostItem(
        "Lambda",
        what,
        runs / MILLION * prices["lambda_requests_million"]
        + seconds * GB_OF_A_FUNCTION * prices["lambda_arm_gb_second"],
    )


def price_series(series: int, prices: UnitPrices) -> Decimal:
    """Get the dollars a month of metrics that have data all the time."""
    further = max(series - _METRICS_AT_FULL_PRICE, 0)
    first = (series - further) * prices["metric_month_first_10000"]
    return first + further * prices["metric_month_further"]
