"""Prices, tags and dimensions as every function that prices calls has them."""

from __future__ import annotations

from lambdas.adapters.dynamodb.identity_registry import (
    DynamoDbIdentityRegistry,
    RegistryUnavailableError,
)
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls import CurrentBooks
from lambdas.domain.metrics import DimensionLimits, DimensionNamer
from lambdas.domain.pricing.current_book import CurrentBook
from lambdas.domain.pricing.current_pricing import CurrentPricing
from tests.builders import PRICING
from tests.enriching import call_books
from tests.simulation.account import STATE, Account
from tests.simulation.drivers.driver import Driver

PRICES = "prices"
"""The bucket of price editions."""
MAX_IDENTITIES = 20

__all__ = ["PRICES", "RegistryUnavailableError", "current_books", "dimension_namer", "editions"]


def editions(account: Account) -> S3PriceEditions:
    """The store of price editions."""
    return S3PriceEditions(lambda: account.s3, PRICES)


def current_books(driver: Driver) -> CurrentBooks:
    """The books at the prices in force; no resource has tags."""
    account, rules = driver.account, AttributionRules()
    book = CurrentBook(
        PRICING.book,
        editions(account),
        lambda: account.now.timestamp(),  # noqa: PLW0108  # the time then
        lambda _: None,
    )
    return CurrentBooks(call_books(rules=rules).tags, rules, CurrentPricing(PRICING, book))


def dimension_namer(driver: Driver) -> DimensionNamer:
    """Names the dimensions of calls, within limits that all calls of a run fit into."""

    def open_registry(bound: int, scope: str) -> DynamoDbIdentityRegistry:
        return DynamoDbIdentityRegistry(
            driver.dynamodb, STATE, bound, driver.account.pause, scope=scope
        )

    limits = DimensionLimits(
        role_rollup_patterns=(), max_identities=MAX_IDENTITIES, max_models=10, has_pairs=False
    )
    return limits.make_namer(open_registry, lambda _: True)
