"""The use in the logs, added up as a bill adds it up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
    Cost,
    PriceBasis,
    Routing,
    read_route,
    tokens_by_kind,
)
from lambdas.domain.pricing.price import GUARDRAIL_PREFIX
from lambdas.domain.pricing.price_list import Measure
from lambdas.domain.reports.reconciliation.amounts import (
    MAX_KEYS,
    ZERO,
    Amounts,
    TooManyUsesError,
    UsageKey,
    shared_model_id,
)


class Caller(NamedTuple):
    """A caller and a model on one day, whatever was counted."""

    day: date
    account_id: str
    region: str
    identity_arn: str
    model_id: str


@dataclass
class Metered:
    """The calls of logs, added up.

    Attributes:
        uses: The use of successful calls.
        periods: The times of the first and the last call, by account and Region.
        uncounted: The callers with calls that say nothing of tokens or units.
        calls: The number of successful calls.
        failed_calls: The number of calls that failed.
    """

    uses: defaultdict[UsageKey, Amounts] = field(default_factory=lambda: defaultdict(Amounts))
    periods: dict[tuple[str, str], tuple[datetime, datetime]] = field(default_factory=dict)
    uncounted: set[Caller] = field(default_factory=set)
    calls: int = 0
    failed_calls: int = 0

    def add(self, call: EnrichedCall) -> None:
        """Add a call.

        Raises:
            TooManyUsesError: There are more different uses than fit in memory.
        """
        record = call.record
        place, called_at = (record.account_id, record.region), record.timestamp
        first, last = self.periods.get(place, (called_at, called_at))
        self.periods[place] = min(first, called_at), max(last, called_at)
        if record.is_failed:
            self.failed_calls += 1
            return
        self.calls += 1
        model_id, invoked, tier = call.priced_as
        routing = Routing.GLOBAL if read_route(invoked, record.region).is_global else Routing.REGION
        is_empty = True
        for measure, amounts, owner in _lines(call):
            is_empty = False
            key = UsageKey(
                day=record.timestamp.date(),
                account_id=record.account_id,
                region=record.region,
                identity_arn=record.identity_arn,
                model_id=shared_model_id(owner),
                measure=measure,
                routing=routing if owner == model_id else Routing.REGION,
                service_tier=tier if owner == model_id else None,
            )
            self.uses[key] += amounts
        if is_empty:
            self.uncounted.add(_read_caller(call))
        if len(self.uses) > MAX_KEYS:
            raise TooManyUsesError


def _read_caller(call: EnrichedCall) -> Caller:
    record = call.record
    return Caller(
        record.timestamp.date(),
        record.account_id,
        record.region,
        record.identity_arn,
        shared_model_id(call.model_id),
    )


def _lines(call: EnrichedCall) -> Iterator[tuple[Measure, Amounts, str]]:
    """The use of a call, with its dollars and the model that they are billed for."""
    cost = call.cost
    if not isinstance(cost, Cost):
        yield from _unpriced_lines(call.record, call.model_id)
        return
    for line in cost.lines:
        is_assumed = line.listed is not None and line.listed.basis is PriceBasis.ASSUMED
        yield (
            line.kind,
            _amounts(line.tokens, line.list_usd, line.usd, is_assumed=is_assumed),
            call.model_id,
        )
    for unit_line in cost.unit_lines:
        is_assumed = unit_line.listed.basis is PriceBasis.ASSUMED
        amounts = _amounts(
            unit_line.quantity, unit_line.list_usd, unit_line.usd, is_assumed=is_assumed
        )
        yield unit_line.unit, amounts, unit_line.model_id


def _unpriced_lines(record: UsageRecord, model_id: str) -> Iterator[tuple[Measure, Amounts, str]]:
    for kind, count in tokens_by_kind(record.tokens):
        yield kind, _unpriced(count), model_id
    for name, count in record.billed_units:
        unit = next((unit for unit in BilledUnit if unit == name), None)
        if unit is not None and count:
            owner = GUARDRAILS if name.startswith(GUARDRAIL_PREFIX) else model_id
            yield unit, _unpriced(count), owner


def _unpriced(quantity: int) -> Amounts:
    return Amounts(Decimal(quantity), unpriced=Decimal(quantity))


def _amounts(quantity: int, list_usd: Decimal | None, usd: Decimal, *, is_assumed: bool) -> Amounts:
    counted = Decimal(quantity)
    return Amounts(
        counted,
        list_usd or ZERO,
        usd,
        unpriced=counted if list_usd is None else ZERO,
        assumed=counted if is_assumed else ZERO,
    )
