"""The books that enrich calls, at any edition of prices by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls import CallBooks, CallEnricher, TagBook
from lambdas.domain.counters.recounts import PriceEdition
from lambdas.domain.counters.usage import read_usage
from lambdas.domain.counters.usage_change import UsageChange
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import Pricing
from lambdas.domain.pricing.editions import PriceEditionReader
from lambdas.domain.pricing.overlay import apply_edition

COUNTING_RULES = 2
"""Raise this when the labels or the figures of calls change by themselves: a deployment with
another number counts all calls again."""
_MAX_BOOKS = 10  # in the memory of one process


class OtherDeploymentError(Exception):
    """An edition has the shipped prices or settings of another deployment."""


@dataclass(frozen=True, slots=True)
class EditionBooks:
    """Books at the shipped prices with any published edition.

    Attributes:
        tags: The tags of resources.
        rules: The rules of attribution.
        shipped: The shipped prices and the contracted ones.
        deployed: A name for these and for the rules, see `PriceEdition`.
        editions: The published editions; `None` where none are.
    """

    tags: TagBook
    rules: AttributionRules
    shipped: Pricing
    deployed: str
    editions: PriceEditionReader | None = None
    _pricings: dict[str, Pricing] = field(default_factory=dict)

    def get_current(self) -> PriceEdition:
        """Get the edition in force.

        Raises:
            PriceEditionsError: The store does not answer.
        """
        updates = None if self.editions is None else self.editions.read_pointer().updates
        return PriceEdition(self.deployed, (updates and updates.edition) or "")

    def get_pricing(self, edition: PriceEdition) -> Pricing:
        """Get the prices of an edition.

        Raises:
            OtherDeploymentError: It is of a deployment with other shipped prices or settings.
            PriceEditionsError: The store does not answer, or has no such edition.
        """
        if edition.deployed != self.deployed:
            message = (
                f"calls are counted at the prices and settings {edition.deployed!r}, and this"
                f" process has {self.deployed!r}; it waits until they are counted at its own"
            )
            raise OtherDeploymentError(message)
        if not edition.published or self.editions is None:
            return self.shipped
        if edition.published not in self._pricings:
            if len(self._pricings) >= _MAX_BOOKS:
                self._pricings.clear()
            book = apply_edition(self.shipped.book, self.editions.read_edition(edition.published))
            self._pricings[edition.published] = replace(self.shipped, book=book)
        return self._pricings[edition.published]

    def open(self, records: Iterable[UsageRecord], now: datetime) -> UsageReader:
        """Open the books for some calls: look up the tags of their resources once."""
        books = CallBooks(self.tags, self.rules, self.shipped)
        return UsageReader(self, books.open(records, now))


@dataclass(frozen=True, slots=True)
class UsageReader:
    """Reads the usage of calls at an edition of prices.

    Attributes:
        books: The books.
        enricher: Enriches the calls that the books were opened for.
    """

    books: EditionBooks
    enricher: CallEnricher

    def read(self, record: UsageRecord | None, edition: PriceEdition | None) -> UsageChange | None:
        """Read the usage of a call; `None` for no call, and for one that is not counted."""
        if record is None or edition is None:
            return None
        enricher = replace(self.enricher, prices=self.books.get_pricing(edition))
        return read_usage(enricher.enrich(record))
