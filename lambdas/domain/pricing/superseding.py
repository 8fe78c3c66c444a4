"""The prices at which calls are published around the time when an edition is superseded.

A call that was published at superseded prices gets the difference later. So that each call gets it
once, publishers go on with the superseded prices for calls from before the decision, while such
calls may still arrive. The differences are published after that.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from lambdas.domain.pricing.current_book import RELOAD_INTERVAL
from lambdas.domain.pricing.editions import Edition, SupersededEdition
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_book import PriceBook

MAX_LATENESS = timedelta(hours=1)
"""The time for which late calls are still published at superseded prices."""


class PriceCorrection(NamedTuple):
    """The books between which the cost of published calls differs, because of one decision.

    Attributes:
        start: The time of the first call that superseded prices may have been taken for.
        end: The time of the first call after all of these.
        before: The book that the calls were published at.
        after: The book without the superseded prices.
    """

    start: datetime
    end: datetime
    before: PriceBook
    after: PriceBook


class PublishedBooks:
    """The price books at which calls are published, by the time of the call.

    Attributes:
        edition: The edition in force.
    """

    def __init__(self, shipped: PriceBook, edition: Edition) -> None:
        """Make the books of an edition when they are asked for.

        Args:
            shipped: The shipped price book.
            edition: The edition in force.
        """
        self._shipped = shipped
        self.edition = edition
        self._books: dict[int, PriceBook] = {}

    def get(self, called_at: datetime, now: datetime) -> PriceBook:
        """Get the book for a call: without what was superseded before it, or long ago."""
        return self._get(
            sum(
                end_of_superseded(entry) <= called_at or is_correctable(entry, now)
                for entry in self.edition.superseded
            )
        )

    def has_superseded_prices(self, now: datetime) -> bool:
        """Say if some calls are still published at superseded prices."""
        return not all(is_correctable(entry, now) for entry in self.edition.superseded)

    def get_correction(self, entry: SupersededEdition) -> PriceCorrection:
        """Get the books between which a decision makes a difference."""
        place = self.edition.superseded.index(entry)
        return PriceCorrection(
            start=datetime.combine(entry.first_day, time(), UTC),
            end=end_of_superseded(entry),
            before=self._get(place),
            after=self._get(place + 1),
        )

    def _get(self, decisions: int) -> PriceBook:
        """The book after the first decisions."""
        if decisions not in self._books:
            later = self.edition.superseded[decisions:]
            edition = self.edition.before(later[0]) if later else self.edition
            self._books[decisions] = apply_edition(self._shipped, edition)
        return self._books[decisions]


def end_of_superseded(entry: SupersededEdition) -> datetime:
    """The time of the first call for which no function takes the superseded prices any more."""
    return entry.superseded_at + RELOAD_INTERVAL


def is_correctable(entry: SupersededEdition, now: datetime) -> bool:
    """Say if no call is published at the superseded prices any more."""
    return end_of_superseded(entry) + MAX_LATENESS <= now
