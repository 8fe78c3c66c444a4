"""What functions that price calls share: the price book in force, with contracted prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import boto3

from lambdas.adapters.s3_price_editions import S3PriceEditions
from lambdas.domain.metering.metric_catalog import PRICE_RELOAD_FAILURES
from lambdas.domain.pricing import Pricing
from lambdas.domain.pricing.current_book import CurrentBook
from lambdas.functions.call_settings import CallSettings
from lambdas.functions.patience import BRIEF
from lambdas.observability import logger, record_health


class CurrentPricing:
    """Prices calls with the edition in force, which it looks for every ten minutes at most."""

    def __init__(self, settings: CallSettings, clock: Callable[[], float] = monotonic) -> None:
        """Begin with the shipped prices.

        Args:
            settings: Contracted prices, and the bucket of editions.
            clock: The seconds of a clock that never goes back.
        """
        self._pricing = settings.pricing
        bucket = settings.price_bucket
        self._book = (
            CurrentBook(
                self._pricing.book,
                S3PriceEditions(lambda: boto3.client("s3", config=BRIEF), bucket),
                clock,
                _report_failure,
            )
            if bucket
            else None
        )

    def get(self) -> Pricing:
        """The pricing in force; the same object for as long as the edition is the same."""
        if self._book is not None:
            book = self._book.get()
            if book is not self._pricing.book:
                self._pricing = replace(self._pricing, book=book)
        return self._pricing


def _report_failure(reason: str) -> None:
    logger.warning("The price book was not reloaded, and stays as it is", reason=reason)
    record_health({PRICE_RELOAD_FAILURES: 1})
