"""The source of price listings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from lambdas.domain.pricing.editions import Listing


class FetchedListing(NamedTuple):
    """An answer of the price list.

    Attributes:
        listing: The offer's listing; `None` where the Region does not have the offer.
        etag: The entity tag for the next conditional request, if there is one.
    """

    listing: Listing | None
    etag: str | None


class PriceListUnavailableError(Exception):
    """The price list cannot be read. The text says why."""


class PriceListSource(Protocol):
    """Reads listings of one Region."""

    def fetch(
        self, offer: str, known_etag: str | None, has_time: Callable[[], bool]
    ) -> FetchedListing | None:
        """Read the listing of an offer; `None` where it still has the known entity tag.

        Raises:
            PriceListUnavailableError: It cannot be read.
        """
