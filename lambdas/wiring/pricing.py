"""The prices in force, for every function that prices calls."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.metrics.catalog import PRICE_RELOAD_FAILURES
from lambdas.domain.pricing.current_book import CurrentBook
from lambdas.domain.pricing.current_pricing import CurrentPricing
from lambdas.domain.pricing.price_book import PriceBook
from lambdas.observability import logger, record_health
from lambdas.wiring.call_settings import PricingSettings
from lambdas.wiring.client_timeouts import BRIEF, ONCE

if TYPE_CHECKING:
    from botocore.config import Config


def current_pricing(
    settings: PricingSettings, clock: Callable[[], float] = monotonic
) -> CurrentPricing:
    """Make the pricing in force, which looks for a newer edition every ten minutes at most.

    Args:
        settings: Contracted prices, and the bucket of editions.
        clock: The seconds of a clock that never goes back.
    """
    pricing = settings.pricing
    if not settings.price_bucket:
        return CurrentPricing(pricing)
    return CurrentPricing(pricing, _make_book(settings.price_bucket, pricing.book, clock, BRIEF))


def load_pricing(
    settings: PricingSettings, clock: Callable[[], float] = monotonic
) -> CurrentPricing:
    """Make the pricing in force with the edition of now, never with the shipped prices instead.

    Args:
        settings: Contracted prices, and the bucket of editions.
        clock: The seconds of a clock that never goes back.

    Raises:
        PriceEditionsError: The store does not answer, or its documents cannot be used.
        PriceConflictError: The edition does not fit the shipped prices.
    """
    pricing = settings.pricing
    if not settings.price_bucket:
        return CurrentPricing(pricing)
    book = _make_book(settings.price_bucket, pricing.book, clock, ONCE)
    book.load()
    return CurrentPricing(pricing, book)


def report_price_failure(reason: str) -> None:
    """Log and count that prices were not read."""
    logger.warning("The price book was not reloaded, and stays as it is", reason=reason)
    record_health({PRICE_RELOAD_FAILURES: 1})


def _make_book(
    bucket: str, shipped: PriceBook, clock: Callable[[], float], config: Config
) -> CurrentBook:
    editions = S3PriceEditions(lambda: boto3.client("s3", config=config), bucket)
    return CurrentBook(shipped, editions, clock, report_price_failure)
