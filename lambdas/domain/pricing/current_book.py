"""The price book in force: reloaded from time to time; the last good one stays in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lambdas.domain.pricing.editions import Edition, PriceEditionReader, PriceEditionsError
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_book import PriceBook, PriceConflictError

RELOAD_INTERVAL = timedelta(minutes=10)
"""The longest time for which a function goes on with an older edition."""


class CurrentBook:
    """The shipped price book with the edition in force.

    A store that does not answer, or an unusable edition, leaves the last good book in force:
    calls are counted and priced all the same.
    """

    def __init__(
        self,
        shipped: PriceBook,
        editions: PriceEditionReader,
        clock: Callable[[], float],
        report_failure: Callable[[str], None],
    ) -> None:
        """Begin with the shipped book.

        Args:
            shipped: The shipped price book.
            editions: The store of editions.
            clock: The seconds of a clock that never goes back.
            report_failure: Takes the reason for which the book could not be reloaded.
        """
        self._shipped = shipped
        self._editions = editions
        self._clock = clock
        self._report_failure = report_failure
        self._book = shipped
        self._edition: Edition | None = None
        self._version: str | None = None
        self._reload_at: float | None = None

    def get(self) -> PriceBook:
        """The book in force; the same object for as long as the edition is the same."""
        now = self._clock()
        if self._reload_at is None or now >= self._reload_at:
            self._reload_at = now + RELOAD_INTERVAL.total_seconds()
            try:
                self._reload()
            except (PriceEditionsError, PriceConflictError) as error:
                self._report_failure(str(error))
        return self._book

    def load(self) -> None:
        """Read the edition in force now, for callers that cannot go on with the shipped book.

        Raises:
            PriceEditionsError: The store does not answer, or its documents cannot be used.
            PriceConflictError: The edition does not fit the shipped book.
        """
        self._reload()
        self._reload_at = self._clock() + RELOAD_INTERVAL.total_seconds()

    @property
    def edition(self) -> Edition | None:
        """The edition of that book; `None` for the shipped book alone."""
        return self._edition

    def _reload(self) -> None:
        stored = self._editions.read_newer_pointer(self._version)
        if stored is None:
            return
        edition = stored.updates.edition
        if edition is not None and (self._edition is None or edition != self._edition.id):
            read = self._editions.read_edition(edition)
            self._book = apply_edition(self._shipped, read)
            self._edition = read
        self._version = stored.version
