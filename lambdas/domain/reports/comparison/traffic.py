"""The traffic of a project: tokens by everything that determines their price."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import CallVariant, TokenCounts, UsageRecord
from lambdas.domain.pricing import (
    GUARDRAILS,
    CallCost,
    Cost,
    Pricing,
    Route,
    TokenKind,
    Unpriced,
    UsdPerMillion,
    read_route,
    tokens_by_kind,
)
from lambdas.domain.reports.comparison.families import model_family

_NO_USD = Decimal(0)


class Purpose(StrEnum):
    """The purpose of a model. Only a model of the same purpose can replace it."""

    TEXT = "text"
    """It answers: its output has a price."""
    EMBEDDING = "embedding"
    """It answers with no tokens: only its input has a price."""


def get_purpose(rates: UsdPerMillion) -> Purpose:
    """The purpose of the model of a call, by what is paid for it."""
    return Purpose.TEXT if TokenKind.OUTPUT in rates else Purpose.EMBEDDING


class ComparableCost(NamedTuple):
    """The cost of a call, in its parts that differ between models and that do not.

    Attributes:
        usd: The cost of its tokens, exactly.
        guardrail_usd: The cost of guardrails, which is the same beside any model.
        is_assumed: Whether the cost of its tokens holds an assumed price.
    """

    usd: Decimal
    guardrail_usd: Decimal
    is_assumed: bool


def read_comparable_cost(cost: CallCost) -> ComparableCost | Unpriced | None:
    """Read the parts of a cost; a call that is billed for other units cannot be compared."""
    if not isinstance(cost, Cost):
        return cost
    if any(line.model_id != GUARDRAILS for line in cost.unit_lines):
        return Unpriced.BILLED_IN_OTHER_UNITS
    guardrail_usd = sum((line.usd for line in cost.unit_lines), _NO_USD)
    of_tokens = cost.without_units() if cost.unit_lines else cost
    return ComparableCost(of_tokens.effective_usd, guardrail_usd, of_tokens.is_assumed)


class Terms(NamedTuple):
    """The properties of a call that decide on the price of its tokens for any model.

    Attributes:
        ways: Routes to call a model as it was called: first as it was; after a global profile,
            which others may lack, in the same Region.
            Never the other way: callers may be bound to a geography.
        day: The first day with the same prices, UTC.
        total_input_tokens: The least number of input tokens with the same rates.
        service_tier: The tier that served it; `None` for the standard one.
    """

    ways: tuple[Route, ...]
    day: date
    total_input_tokens: int
    service_tier: str | None = None


class PriceSteps:
    """The days, and the sizes of a call, at which prices change.

    Between two steps every model's rates are one, so tokens can be added up there and priced
    together, exactly as call by call.
    """

    def __init__(self, pricing: Pricing) -> None:
        """Find the steps of all prices there are."""
        days = {price.effective_from for price in (*pricing.book, *pricing.contracted)}
        self._days = sorted(day for day in days if day is not None)
        self._sizes = sorted(
            {rates.above_input_tokens for price in pricing.book for rates in price.rates[1:]}
        )

    def get_terms(self, record: UsageRecord, variant: CallVariant) -> Terms:
        """Get the terms of a call that is priced as a model and tier."""
        day = bisect_right(self._days, record.timestamp.date())
        size = bisect_left(self._sizes, record.tokens.total_input or 0)
        return Terms(
            _ways_to_call(variant.invoked_model_id, record.region),
            self._days[day - 1] if day else date.min,
            self._sizes[size - 1] + 1 if size else 0,
            variant.service_tier,
        )


def _ways_to_call(invoked_model_id: str, region: str) -> tuple[Route, ...]:
    route = read_route(invoked_model_id, region)
    return (route, Route(region)) if route.is_global or route.is_hidden else (route,)


@dataclass(slots=True)
class ModelUse:
    """The calls of a model and their cost.

    Attributes:
        calls: Calls with a cost.
        usd: Their cost, exactly.
        assumed_price_calls: Calls whose cost holds an assumed price.
    """

    calls: int = 0
    usd: Decimal = Decimal(0)
    assumed_price_calls: int = 0


TokensByTerms: TypeAlias = dict[Terms, Counter[TokenKind]]


@dataclass(slots=True)
class TrafficMix:
    """Calls whose cost is known, added up so that any model's price can be put on them.

    Attributes:
        tokens: By what decides on their price, then by kind.
        by_model: The models that were called, and what they cost.
        guardrail_usd: The cost of guardrails beside them, in no other figure here.
    """

    tokens: TokensByTerms = field(default_factory=dict)
    by_model: dict[str, ModelUse] = field(default_factory=dict)
    guardrail_usd: Decimal = Decimal(0)

    @property
    def calls(self) -> int:
        """The number of calls."""
        return sum(use.calls for use in self.by_model.values())

    @property
    def usd(self) -> Decimal:
        """Their cost, exactly."""
        return sum((use.usd for use in self.by_model.values()), Decimal(0))

    @property
    def families(self) -> frozenset[str]:
        """The families of the models that were called."""
        return frozenset(map(model_family, self.by_model))

    def has_assumed_price(self, model_id: str) -> bool:
        """Say if the cost of a model holds an assumed price."""
        return model_id in self.by_model and self.by_model[model_id].assumed_price_calls > 0

    def add(
        self, model_id: str, tokens: TokenCounts, cost: ComparableCost, terms: Terms, times: int = 1
    ) -> None:
        """Add a call of a model, or with `times=-1` take it out again."""
        counter = self.tokens.setdefault(terms, Counter())
        for kind, count in tokens_by_kind(tokens):
            counter[kind] += times * count
        use = self.by_model.setdefault(model_id, ModelUse())
        use.calls += times
        use.usd += times * cost.usd
        use.assumed_price_calls += times * cost.is_assumed
        self.guardrail_usd += times * cost.guardrail_usd
        if not use.calls:
            del self.by_model[model_id]

    def include(self, other: TrafficMix) -> None:
        """Add the calls of another mix. No call may be in both."""
        for terms, counts in other.tokens.items():
            self.tokens.setdefault(terms, Counter()).update(counts)
        self.guardrail_usd += other.guardrail_usd
        for model_id, theirs in other.by_model.items():
            use = self.by_model.setdefault(model_id, ModelUse())
            use.calls += theirs.calls
            use.usd += theirs.usd
            use.assumed_price_calls += theirs.assumed_price_calls

    def tokens_by_kind(self) -> Counter[TokenKind]:
        """All tokens, by kind."""
        return sum(self.tokens.values(), Counter[TokenKind]())
