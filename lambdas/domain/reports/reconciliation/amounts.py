"""Amounts of one kind of use and their dollars, on both sides of a reconciliation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.pricing import Routing
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.price_list import Measure

ZERO = Decimal(0)
MAX_KEYS = 500_000
"""The largest number of different uses that are held in memory, on either side."""


class TooManyUsesError(ValueError):
    """More different uses than fit in memory."""

    def __init__(self) -> None:
        """Make the error with advice."""
        super().__init__(f"there are more than {MAX_KEYS:,} different lines; name fewer months")


class UsageKey(NamedTuple):
    """One kind of use on one day, by one caller.

    Attributes:
        day: UTC.
        account_id: The account that was called.
        region: The Region that was called, which is billed.
        identity_arn: The whole ARN of the caller; empty where the bill does not name one.
        model_id: The foundation model, or the entry of the price book for guardrails.
        measure: The kind of tokens, or the unit.
        routing: `GLOBAL`, or `REGION` for all else: AWS bills a call through a geography's
            profile in the Region that was called. `None` where it is left out of the comparison.
        service_tier: `None` for the standard tier, or where it is left out of the comparison.
    """

    day: date
    account_id: str
    region: str
    identity_arn: str
    model_id: str
    measure: Measure
    routing: Routing | None
    service_tier: str | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """An amount of use and its dollars; they add up.

    Attributes:
        quantity: Tokens, or units.
        list_usd: The cost at list price of what has one.
        effective_usd: The cost after discounts.
        unpriced: The part of the quantity that has no known list price.
        assumed: The part of the quantity whose list price is assumed.
    """

    quantity: Decimal = ZERO
    list_usd: Decimal = ZERO
    effective_usd: Decimal = ZERO
    unpriced: Decimal = ZERO
    assumed: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        """Add amounts of the same use."""
        return Amounts(
            self.quantity + other.quantity,
            self.list_usd + other.list_usd,
            self.effective_usd + other.effective_usd,
            self.unpriced + other.unpriced,
            self.assumed + other.assumed,
        )


NOTHING = Amounts()


def shared_model_id(model_id: str) -> str:
    """The id of a model as both sides are compared: without a version that is the only one.

    Example:
        >>> shared_model_id("amazon.nova-lite-v1:0")
        'amazon.nova-lite'
    """
    name, version = name_and_version(model_id)
    return name if version in {None, "1"} else f"{name}-v{version}"
