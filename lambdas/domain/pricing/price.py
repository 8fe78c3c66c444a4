"""Prices: of tokens by kind and of other billed units, from a date on, in one scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class TokenKind(StrEnum):
    """The kinds of tokens that have prices of their own."""

    INPUT = "input"
    OUTPUT = "output"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"


class BilledUnit(StrEnum):
    """The units other than tokens that Bedrock bills.

    Guardrail units are text units of up to 1,000 characters, counted per policy. Source:
    https://aws.amazon.com/bedrock/pricing/
    """

    IMAGE = "image"
    SEARCH_UNIT = "search_unit"
    AUDIO_SECOND = "audio_second"
    VIDEO_SECOND = "video_second"
    GUARDRAIL_TOPIC_UNIT = "guardrail_topic_unit"
    GUARDRAIL_CONTENT_UNIT = "guardrail_content_unit"
    GUARDRAIL_CONTENT_IMAGE = "guardrail_content_image"
    GUARDRAIL_WORD_UNIT = "guardrail_word_unit"
    GUARDRAIL_SENSITIVE_INFORMATION_UNIT = "guardrail_sensitive_information_unit"
    GUARDRAIL_SENSITIVE_INFORMATION_FREE_UNIT = "guardrail_sensitive_information_free_unit"
    GUARDRAIL_CONTEXTUAL_GROUNDING_UNIT = "guardrail_contextual_grounding_unit"
    GUARDRAIL_AUTOMATED_REASONING_UNIT = "guardrail_automated_reasoning_unit"


GUARDRAIL_PREFIX = "guardrail_"
"""The beginning of every unit that a guardrail bills, on top of the model's tokens."""
GUARDRAILS = "amazon.bedrock-guardrails"
"""The entry of the price book for guardrail units. It is not a model that can be called."""
BATCH_TIER: Final = "batch"
"""The service tier of batch prices, in the price book and in contracted prices: of jobs, not of
calls."""


class Routing(StrEnum):
    """The way a call reaches its model."""

    REGION = "region"
    """In one Region, or through a geography's profile, which is billed in the Region called."""
    GEOGRAPHY = "geography"
    GLOBAL = "global"


class PriceBasis(StrEnum):
    """The basis of a list price, the strongest first."""

    REGION = "region"
    """A price of the Region that was called."""
    GEOGRAPHY = "geography"
    """A price of the geography (`eu`, `apac`, ...) that was called."""
    GLOBAL = "global"
    """A price of calls through the model's global profile."""
    ASSUMED = "assumed"
    """No price of the scope is known: the highest listed price of the partition is used."""


MAX_USD = Decimal(1_000_000)
"""The highest price of a million tokens or of one unit. A higher one is a mistake."""
MAX_USD_DIGITS = 28
"""The most digits of a price: decimals multiply that many exactly."""
UsdPerMillion: TypeAlias = Mapping[TokenKind, Decimal]
"""US dollars for a million tokens, by kind. A kind that is left out has no known price."""
UsdPerUnit: TypeAlias = Mapping[BilledUnit, Decimal]
"""US dollars for one unit. A unit that is left out has no known price."""
_NO_UNITS: UsdPerUnit = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rates:
    """Token prices for calls of a size.

    Attributes:
        above_input_tokens: They hold for all tokens of a call that reads more than so many.
        usd_per_million: The prices.
    """

    above_input_tokens: int
    usd_per_million: UsdPerMillion


_NO_RATES = Rates(0, MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Price:
    """The list prices of a model in one scope and tier, from a date on, until a later row.

    Attributes:
        model_id: The foundation model, or `<kind>/<id>` where what was called hides it.
        routing: The way a call reaches the model.
        place: For `REGION` the Region that is called; for `GLOBAL` as well, or empty text for
            every commercial Region; for `GEOGRAPHY` the prefix of its profiles (`eu`, `us-gov`).
        effective_from: The first day, UTC, on which it holds; `None` for as long as is known.
        rates: Token prices by the size of a call, the smallest size first, beginning at 0; empty
            for a model that is paid by other units alone.
        source: The public list or file that has the figures.
        read_on: The day on which the source was read.
        service_tier: `flex`, `priority`, `latency-optimized`; `None` for the standard tier;
            `BATCH_TIER` for batch jobs. Source:
            https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
        usd_per_unit: Prices of other units.
        reason: Why this row supersedes an earlier one of the same scope and day, or why it follows
            this source where sources disagree.
    """

    model_id: str
    routing: Routing
    place: str
    effective_from: date | None
    rates: tuple[Rates, ...]
    source: str
    read_on: date
    service_tier: str | None = None
    usd_per_unit: UsdPerUnit = field(default_factory=lambda: _NO_UNITS)
    reason: str | None = None

    def holds_on(self, day: date) -> bool:
        """Say if it has begun by a day."""
        return self.effective_from is None or self.effective_from <= day

    def get_rates(self, total_input_tokens: int) -> Rates:
        """The rates of a call that reads so many tokens, cached ones included."""
        found = _NO_RATES
        for rates in self.rates:
            if total_input_tokens > rates.above_input_tokens or not rates.above_input_tokens:
                found = rates
        return found
