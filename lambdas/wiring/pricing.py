"""The prices in force, for every function that prices calls."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import boto3

from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.metrics.catalog import PRICE_RELOAD_FAILURES
from lambdas.domain.pricing.current_book import CurrentBook
from lambdas.domain.pricing.current_pricing import CurrentPricing
from lambdas.observability import logger, record_health
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF


def current_pricing(
    settings: CallSettings, clock: Callable[[], float] = monotonic
) -> CurrentPricing:
    """Make the pricing in force, which looks for a newer edition every ten minutes at most.

    Args:
        settings: Contracted prices, and the bucket of editions.
        clock: The seconds of a clock that never goes back.
    """
    pricing, bucket = settings.pricing, settings.price_bucket
    if not bucket:
        return CurrentPricing(pricing)
    editions = S3PriceEditions(lambda: boto3.client("s3", config=BRIEF), bucket)
    return CurrentPricing(pricing, CurrentBook(pricing.book, editions, clock, _report_failure))


def _report_failure(reason: str) -> None:
    logger.warning("The price book was not reloaded, and stays as it is", reason=reason)
    record_health({PRICE_RELOAD_FAILURES: 1})
