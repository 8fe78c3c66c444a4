"""The public sources of list prices that `make prices` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple, Protocol

from lambdas.domain.pricing import Price, PriceBook, Routing
from lambdas.domain.pricing.routes import EVERY_REGION, PriceScope


class SourcePrices(NamedTuple):
    """The content of a source.

    Attributes:
        rows: Its prices, as rows of a price book.
        summary: The result of reading, in a sentence; empty if reading cannot fail.
        details: The items behind it, by heading.
    """

    rows: tuple[Price, ...]
    summary: str = ""
    details: Mapping[str, Sequence[str]] = {}


class PriceSource(Protocol):
    """A public list of Bedrock's prices."""

    @property
    def name(self) -> str:
        """Its display name."""

    @property
    def is_authoritative(self) -> bool:
        """True if a book follows it where both differ; other sources only fill gaps."""

    def read(self, book: PriceBook, today: date) -> SourcePrices:
        """Read its prices.

        Args:
            book: The standing book, which knows sizes of large calls that sources do not say.
            today: The day, UTC.
        """


IN_THE_US: Final[tuple[PriceScope, ...]] = (
    (Routing.REGION, "us-east-1"),
    (Routing.GEOGRAPHY, "us"),
)
"""The scopes of a price for which a source names none: it follows the United States' list."""
WORLDWIDE: Final[tuple[PriceScope, ...]] = ((Routing.GLOBAL, EVERY_REGION),)
