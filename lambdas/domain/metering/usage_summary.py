"""Adds up the ledger's stream into figures per identity and per model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import TypeAlias

from lambdas.domain.invocations import UsageDoubt, UsageRecord
from lambdas.domain.metering.aggregation import CostOf
from lambdas.domain.metering.ledger import LedgerChange
from lambdas.domain.metering.quota import quota_tokens
from lambdas.domain.pricing import CallCost, Cost, Unpriced


@dataclass(slots=True)
class UsageFigures:
    """What one identity or one model used; counts that nobody told add nothing.

    Attributes:
        invocations: Successful calls.
        invocation_errors: Failed calls.
        input_tokens: Input of successful calls, without cache reads and writes.
        cache_read_tokens: Input read from the prompt cache.
        cache_write_tokens: Input written to the prompt cache.
        output_tokens: Output of successful calls.
        quota_tokens: What counts against the tokens-per-minute quota.
        failed_tokens: All tokens of failed calls; they are in no other figure.
        records_missing_counts: Successful calls of which neither input nor output is known.
        records_missing_output: Successful calls whose output alone is not known, such as
            streams that were cut off; they add nothing to `output_tokens`.
        ambiguous_invocations: Successful calls whose reported total does not fit their counts.
        unverified_invocations: Successful calls whose cached tokens may be inside the input count
            or beside it.
        priced_invocations: Successful calls whose cost is known.
        priced_usd: What those cost, exactly.
        unpriced_invocations: Successful calls whose cost is not known.
        assumed_price_invocations: Priced calls whose cost holds an assumed price.
        assumed_price_usd: Their whole cost, exactly; `priced_usd` has it as well.
    """

    invocations: int = 0
    invocation_errors: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    quota_tokens: int = 0
    failed_tokens: int = 0
    records_missing_counts: int = 0
    records_missing_output: int = 0
    ambiguous_invocations: int = 0
    unverified_invocations: int = 0
    priced_invocations: int = 0
    priced_usd: Decimal = Decimal(0)
    unpriced_invocations: int = 0
    assumed_price_invocations: int = 0
    assumed_price_usd: Decimal = Decimal(0)

    @property
    def cost_usd(self) -> Decimal | None:
        """The known part of the cost, exactly; `None` where no call has a price."""
        return self.priced_usd.normalize() if self.priced_invocations else None

    @property
    def assumed_cost_usd(self) -> Decimal:
        """The part of the cost that rests on assumed prices, exactly."""
        return self.assumed_price_usd.normalize()

    @property
    def total_tokens(self) -> int:
        """All tokens of successful calls."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
            + self.output_tokens
        )

    @property
    def is_empty(self) -> bool:
        """Whether no call is left here (corrections move calls elsewhere)."""
        return not (self.invocations or self.invocation_errors)

    def add(self, record: UsageRecord, cost: CallCost, times: int = 1) -> None:
        """Add a call and its cost, or with `times=-1` take it out again."""
        tokens = record.tokens
        if record.is_failed:
            self.invocation_errors += times
            self.failed_tokens += times * (tokens.total or 0)
            return
        self.invocations += times
        self.input_tokens += times * (tokens.input or 0)
        self.cache_read_tokens += times * (tokens.cache_read or 0)
        self.cache_write_tokens += times * (tokens.cache_write or 0)
        self.output_tokens += times * (tokens.output or 0)
        self.quota_tokens += times * (quota_tokens(tokens, record.model_id) or 0)
        self.records_missing_counts += times * tokens.is_missing
        self.records_missing_output += times * record.is_missing_output
        self.ambiguous_invocations += times * (record.usage_doubt is UsageDoubt.AMBIGUOUS)
        self.unverified_invocations += times * (record.usage_doubt is UsageDoubt.UNVERIFIED)
        if isinstance(cost, Cost):
            self.priced_invocations += times
            self.priced_usd += times * cost.effective_usd
            if cost.is_assumed:
                self.assumed_price_invocations += times
                self.assumed_price_usd += times * cost.effective_usd
        else:
            self.unpriced_invocations += times


FiguresByKey: TypeAlias = dict[str, UsageFigures]


@dataclass(slots=True)
class UsageSummary:
    """Figures per identity and per model, kept up to date by the ledger's stream.

    Attributes:
        cost_of: What a call costs.
        calls: Calls in the ledger.
        corrections: Changes to calls that were counted already.
        unpriced: Successful calls whose cost is not known, by reason.
    """

    cost_of: CostOf
    calls: int = 0
    corrections: int = 0
    unpriced: Counter[Unpriced] = field(default_factory=Counter)
    _by_identity: FiguresByKey = field(default_factory=dict)
    _by_model: FiguresByKey = field(default_factory=dict)

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in changes: a new call is added, a correction applied as a difference."""
        for change in changes:
            if change.replaced is None:
                self.calls += 1
            else:
                self.corrections += 1
                self._add(change.replaced, times=-1)
            self._add(change.record, times=1)

    def by_identity(self) -> list[tuple[str, UsageFigures]]:
        """Figures per identity ARN: most tokens first, then by ARN."""
        return _ranked(self._by_identity)

    def by_model(self) -> list[tuple[str, UsageFigures]]:
        """Figures per model id: most tokens first, then by id."""
        return _ranked(self._by_model)

    def _add(self, record: UsageRecord, times: int) -> None:
        cost = self.cost_of(record)
        if isinstance(cost, Cost):
            record = record.with_variant(cost.variant)
        elif isinstance(cost, Unpriced):
            self.unpriced[cost] += times
        for figures_by_key, key in (
            (self._by_identity, record.identity_arn),
            (self._by_model, record.model_id),
        ):
            figures = figures_by_key.get(key)
            if figures is None:
                figures = figures_by_key[key] = UsageFigures()
            figures.add(record, cost, times)
            if figures.is_empty:
                del figures_by_key[key]


def total_figures(parts: Iterable[UsageFigures]) -> UsageFigures:
    """The sum of disjoint parts."""
    total = UsageFigures()
    for part in parts:
        for figure in fields(UsageFigures):
            added = getattr(total, figure.name) + getattr(part, figure.name)
            setattr(total, figure.name, added)
    return total


def _ranked(figures_by_key: FiguresByKey) -> list[tuple[str, UsageFigures]]:
    return sorted(figures_by_key.items(), key=lambda item: (-item[1].total_tokens, item[0]))
