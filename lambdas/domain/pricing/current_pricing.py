"""The pricing in force: the current price book with contracted prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lambdas.domain.pricing.current_book import RELOAD_INTERVAL, CurrentBook
from lambdas.domain.pricing.editions import Edition
from lambdas.domain.pricing.pricing import DatedPrices, Pricing
from lambdas.domain.pricing.superseding import PublishedBooks


class CurrentPricing:
    """Prices calls with the edition in force."""

    def __init__(self, pricing: Pricing, book: CurrentBook | None = None) -> None:
        """Begin with the shipped prices.

        Args:
            pricing: The shipped price book, with contracted prices.
            book: The price book in force; `None` where no editions are published.
        """
        self._pricing = pricing
        self._shipped = pricing.book
        self._book = book
        self._published: PublishedBooks | None = None

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
    def contracted_since(self) -> datetime:
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
