"""Adds up the ledger's stream into totals per identity, per model, and by other fields."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls import CallEnricher
from lambdas.domain.invocations import TokenCounts, UsageDoubt, UsageRecord
from lambdas.domain.invocations.quota import quota_tokens
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.pricing import CallCost, Cost, Pricing, Unpriced
from lambdas.domain.usage.group_field import GroupField


@dataclass(slots=True)
class UsageTotals:
    """The usage of one identity or one model; unreported counts add nothing.

    Attributes:
        invocations: Successful calls.
        invocation_errors: Failed calls.
        input_tokens: Input of successful calls, without cache reads and writes.
        cache_read_tokens: Input read from the prompt cache.
        cache_write_tokens: Input written to the prompt cache.
        output_tokens: Output of successful calls.
        quota_tokens: Tokens that count against the tokens-per-minute quota.
        failed_tokens: All tokens of failed calls; they are in no other total.
        records_missing_counts: Successful calls whose input and output are both unknown.
        records_missing_output: Successful calls whose output alone is not known, such as
            streams that were cut off; they add nothing to `output_tokens`.
        ambiguous_invocations: Successful calls whose reported total does not fit their counts.
        unverified_invocations: Successful calls whose cached tokens may be inside the input count
            or beside it.
        priced_invocations: Successful calls whose cost is known.
        priced_usd: The cost of those, exactly.
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
        """The part of the cost at assumed prices, exactly."""
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

    def add(self, group: CallGroup, model_id: str, cost: CallCost) -> None:
        """Add a group of calls.

        Args:
            group: The calls.
            model_id: Their foundation model.
            cost: The cost of all of them.
        """
        record, calls, tokens = group.example, group.calls, group.tokens
        if record.is_failed:
            self.invocation_errors += calls
            self.failed_tokens += tokens.total or 0
            return
        self.invocations += calls
        self.input_tokens += tokens.input or 0
        self.cache_read_tokens += tokens.cache_read or 0
        self.cache_write_tokens += tokens.cache_write or 0
        self.output_tokens += tokens.output or 0
        self.quota_tokens += quota_tokens(tokens, model_id) or 0
        self.records_missing_counts += calls * record.tokens.is_missing
        self.records_missing_output += calls * record.is_missing_output
        self.ambiguous_invocations += calls * (record.usage_doubt is UsageDoubt.AMBIGUOUS)
        self.unverified_invocations += calls * (record.usage_doubt is UsageDoubt.UNVERIFIED)
        if isinstance(cost, Cost):
            self.priced_invocations += calls
            self.priced_usd += cost.effective_usd
            if cost.is_assumed:
                self.assumed_price_invocations += calls
                self.assumed_price_usd += cost.effective_usd
        else:
            self.unpriced_invocations += calls


GroupedTotals: TypeAlias = list[tuple[tuple[str, ...], UsageTotals]]
"""Totals, each with the values of the fields that they are grouped by."""


@dataclass(slots=True)
class CallGroup:
    """Calls that differ in nothing but their numbers of tokens, and have the same prices.

    Attributes:
        example: One of the calls.
        calls: Their number.
        input: Their input tokens; 0 if the calls do not report them.
        output: Their output tokens, in the same way, and so on.
        cache_read: Their tokens read from the cache.
        cache_write: Their tokens written to the cache.
        cache_write_1h: The part of those that is kept for an hour.
    """

    example: UsageRecord
    calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0

    def add(self, tokens: TokenCounts, times: int = 1) -> None:
        """Add a call, or with `times=-1` take it out again."""
        self.calls += times
        self.input += times * (tokens.input or 0)
        self.output += times * (tokens.output or 0)
        self.cache_read += times * (tokens.cache_read or 0)
        self.cache_write += times * (tokens.cache_write or 0)
        self.cache_write_1h += times * (tokens.cache_write_1h or 0)

    def merge(self, other: CallGroup) -> None:
        """Add the calls of an equal group."""
        self.calls += other.calls
        self.input += other.input
        self.output += other.output
        self.cache_read += other.cache_read
        self.cache_write += other.cache_write
        self.cache_write_1h += other.cache_write_1h

    @property
    def tokens(self) -> TokenCounts:
        """The tokens of all calls; a count that calls of the group do not report is absent."""
        sums = (self.input, self.output, self.cache_read, self.cache_write, self.cache_write_1h)
        return TokenCounts(
            *(
                None if count is None else total
                for count, total in zip(self.example.tokens, sums, strict=True)
            )
        )


class GroupKey(NamedTuple):
    """The properties that calls of a group share: where they count, and at which price.

    Attributes:
        call: A call without its id, time of day and tokens; a disputed call is as it stands.
        day: The day of the calls, UTC.
        used: The kinds of tokens that they report and use.
        step: The number of sizes, above which prices change, that they exceed.
    """

    call: tuple[object, ...]
    day: object
    used: tuple[object, ...]
    step: int


class PricedGroup(NamedTuple):
    """A group of calls with its cost.

    Attributes:
        group: The calls.
        model_id: Their foundation model.
        project: Their project.
        cost: The cost of all of them.
    """

    group: CallGroup
    model_id: str
    project: str
    cost: CallCost


@dataclass(slots=True)
class UsageSummary:
    """Totals per identity, per model and by other fields, kept up to date by the ledger's stream.

    Prices are per token, so calls of equal prices are added up first, and priced as one.

    Attributes:
        pricing: The prices of calls.
        rules: The rules that attribute calls to projects; without them every call is unattributed,
            and calls that differ in their metadata alone are one group.
        corrections: Changes to calls that were counted already.
    """

    pricing: Pricing
    rules: AttributionRules | None = None
    corrections: int = 0
    _groups: dict[GroupKey, CallGroup] = field(default_factory=dict)
    _priced: list[PricedGroup] | None = None
    _totals: dict[tuple[GroupField, ...], GroupedTotals] = field(default_factory=dict)

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in changes: a new call is added, a correction applied as a difference."""
        for change in changes:
            if change.replaced is not None:
                self.corrections += 1
                self.add(change.replaced, times=-1)
            self.add(change.record)

    def add(self, record: UsageRecord, times: int = 1) -> None:
        """Add a call, or with `times=-1` take it out again."""
        self._find(record).add(record.tokens, times)

    @property
    def calls(self) -> int:
        """The number of calls."""
        return sum(group.calls for group in self._groups.values())

    def group_by(self, *by: GroupField) -> GroupedTotals:
        """Totals for each value of a field, or each combination of several.

        The groups with the most tokens are first, then in order of their values.
        """
        if by not in self._totals:
            totals = defaultdict[tuple[str, ...], UsageTotals](UsageTotals)
            for group, model_id, project, cost in self.priced_groups:
                values = tuple(part.read(group.example, model_id, project) for part in by)
                totals[values].add(group, model_id, cost)
            ranked = sorted(totals.items(), key=lambda item: (-item[1].total_tokens, item[0]))
            self._totals[by] = ranked
        return self._totals[by]

    def by_identity(self) -> list[tuple[str, UsageTotals]]:
        """Totals per identity ARN: most tokens first, then by ARN."""
        return [(arn, totals) for (arn,), totals in self.group_by(GroupField.IDENTITY)]

    def by_model(self) -> list[tuple[str, UsageTotals]]:
        """Totals per model id: most tokens first, then by id."""
        return [(model_id, totals) for (model_id,), totals in self.group_by(GroupField.MODEL)]

    @property
    def unpriced(self) -> Counter[Unpriced]:
        """Successful calls whose cost is not known, by reason."""
        counts = Counter[Unpriced]()
        for group, _, _, cost in self.priced_groups:
            if isinstance(cost, Unpriced):
                counts[cost] += group.calls
        return counts

    @property
    def priced_groups(self) -> Sequence[PricedGroup]:
        """The groups of calls, each with its cost."""
        if self._priced is None:
            enricher = CallEnricher(self.pricing, self.rules or AttributionRules())
            self._priced = [
                _price(group, enricher) for group in self._groups.values() if group.calls
            ]
        return self._priced

    @property
    def groups(self) -> Iterable[CallGroup]:
        """The calls, added up by what decides on their price."""
        return self._groups.values()

    def merge(self, groups: Iterable[CallGroup]) -> None:
        """Add groups of calls that were added up elsewhere."""
        for group in groups:
            self._find(group.example).merge(group)

    def _find(self, record: UsageRecord) -> CallGroup:
        """The group of a call; an empty one where it is the first."""
        if self._priced is not None:
            self._priced = None
            self._totals.clear()
        key = self._key(record)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = CallGroup(record)
        return group

    def _find_project(self, record: UsageRecord) -> str | None:
        if self.rules is None:
            return None
        return CallEnricher(self.pricing, self.rules).attribute(record).project

    def _key(self, record: UsageRecord) -> GroupKey:
        tokens = record.tokens
        is_disputed = record.conflicts is not None
        call = (
            self._find_project(record),
            record.account_id,
            record.region,
            record.operation,
            record.model_id,
            record.invoked_model_id,
            record.identity_arn,
            record.is_failed,
            record.service_tier,
            record.billed_units,
            record.usage_doubt,
            (record.conflicts, record.largest_sampling_tokens) if is_disputed else None,
        )
        used = (
            *(tokens if is_disputed else [count and 1 for count in tokens]),
            tokens.cache_write == tokens.cache_write_1h,
        )
        size, largest = tokens.total_input or 0, record.largest_sampling_tokens
        size = size if largest is None else min(size, largest)
        step = bisect_left(self.pricing.size_steps, size)
        return GroupKey(call, record.timestamp.date(), used, step)


def _price(group: CallGroup, enricher: CallEnricher) -> PricedGroup:
    example = group.example
    models = enricher.find_models(example)
    cost = enricher.price_together(example, models, group.calls, group.tokens)
    project = enricher.attribute(example).project
    return PricedGroup(group, models.get_priced(cost).model_id, project, cost)


def add_up_totals(parts: Iterable[UsageTotals]) -> UsageTotals:
    """The sum of disjoint parts."""
    total = UsageTotals()
    for part in parts:
        for figure in fields(UsageTotals):
            added = getattr(total, figure.name) + getattr(part, figure.name)
            setattr(total, figure.name, added)
    return total
