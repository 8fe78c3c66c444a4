"""What a token costs: by kind, from a date on, in a part of the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

ANYWHERE = "any"
"""The area of a price that holds however and wherever the model is called."""
REGIONAL = "regional"
"""The area of a price of calls in one Region or through a geography's profile."""
GLOBAL = "global"
"""The area of a price of calls through the model's global profile."""
USUAL = frozenset({ANYWHERE, REGIONAL, GLOBAL})
"""The areas that are no places."""


class TokenKind(StrEnum):
    """The kinds of tokens that have prices of their own."""

    INPUT = "input"
    OUTPUT = "output"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"


UsdPerMillion: TypeAlias = Mapping[TokenKind, Decimal]
"""US dollars for a million tokens, by kind. A kind that is left out has no known price."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What tokens cost in calls of a size.

    Attributes:
        above_input_tokens: They hold for all tokens of a call that reads more than so many.
        usd_per_million: The prices.
    """

    above_input_tokens: int
    usd_per_million: UsdPerMillion


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs from a date on, until a later price of the same model, area and tier.

    Attributes:
        model_id: The foundation model, or `<kind>/<id>` where what was called hides it.
        area: `ANYWHERE`, `REGIONAL`, `GLOBAL`, a geography (`eu`, `apac`, ...) or a Region.
        effective_from: The first day, UTC, on which it holds; `None` for as long as is known.
        rates: By the size of a call, the smallest size first; it begins at 0.
        source: Who says so.
        read_on: When the source was read.
        service_tier: `flex`, `priority` or the like; `None` for the standard one. Source:
            https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """

    model_id: str
    area: str
    effective_from: date | None
    rates: tuple[Rates, ...]
    source: str
    read_on: date
    service_tier: str | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it has begun by a day."""
        return self.effective_from is None or self.effective_from <= day

    def rates_of(self, total_input_tokens: int) -> Rates:
        """The rates of a call that reads so many tokens, cached ones included."""
        rates, *larger = self.rates
        for it in larger:
            if total_input_tokens > it.above_input_tokens:
                rates = it
        return rates
