"""The price book in force with contracted prices, for every function that prices calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic

import boto3

from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.calls import DatedPrices
from lambdas.domain.metrics.catalog import PRICE_RELOAD_FAILURES
from lambdas.domain.pricing import Pricing
from lambdas.domain.pricing.current_book import RELOAD_INTERVAL, CurrentBook
from lambdas.domain.pricing.editions import Edition
from lambdas.domain.pricing.superseding import PublishedBooks
from lambdas.observability import logger, record_health
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF


class CurrentPricing:
    """Prices calls with the edition in force, which it looks for every ten minutes at most."""

    def __init__(self, settings: CallSettings, clock: Callable[[], float] = monotonic) -> None:
        """Begin with the shipped prices.

        Args:
            settings: Contracted prices, and the bucket of editions.
            clock: The seconds of a clock that never goes back.
        """
        self._pricing = settings.pricing
        self._shipped = self._pricing.book
        self._published: PublishedBooks | None = None
        bucket = settings.price_bucket
        self._book = (
            CurrentBook(
                self._shipped,
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

    @property
    def edition(self) -> Edition | None:
        """The edition in force; `None` for the shipped prices alone."""
        return None if self._book is None else self._book.edition

    @property
    def agreed_since(self) -> datetime:
        """The time since when all processes take these prices."""
        edition = self.edition
        if edition is None:
            return datetime.min.replace(tzinfo=UTC)
        return edition.published_at + RELOAD_INTERVAL

    def get_published(self, now: datetime) -> DatedPrices:
        """Get the prices that calls are published at: superseded ones, if need be."""
        pricing, edition = self.get(), self.edition
        if edition is None:
            return pricing
        if self._published is None or self._published.edition is not edition:
            self._published = PublishedBooks(self._shipped, edition)
        books = self._published
        return (
            _PublishedPrices(pricing, books, now) if books.has_superseded_prices(now) else pricing
        )


@dataclass(frozen=True, slots=True)
class _PublishedPrices:
    """The prices that calls are published at while some are still published at superseded ones."""

    pricing: Pricing
    books: PublishedBooks
    now: datetime

    def get(self, called_at: datetime) -> Pricing:
        return replace(self.pricing, book=self.books.get(called_at, self.now))


def _report_failure(reason: str) -> None:
    logger.warning("The price book was not reloaded, and stays as it is", reason=reason)
    record_health({PRICE_RELOAD_FAILURES: 1})
