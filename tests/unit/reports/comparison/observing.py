"""Observes calls in tests."""

from datetime import timedelta
from typing import Any, NamedTuple

from lambdas.domain.calls import CallEnricher, EnrichedCall
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import Pricing
from lambdas.domain.reports.comparison import (
    ComparisonReport,
    RequestOutline,
    TrafficObserver,
)
from lambdas.domain.reports.comparison.candidates import ModelCost
from lambdas.domain.reports.comparison.waste import WasteKind, WasteTotals
from tests.builders import NO_ATTRIBUTION, NOON, usage_record
from tests.unit.reports.comparison.prices import DEAR, PRICING

SOME_TOKENS = TokenCounts(10, 5)


class MadeCall(NamedTuple):
    """A call, its project, and the outline of its request."""

    record: UsageRecord
    project: str
    outline: RequestOutline | None


def call(
    seconds: float = 0,
    tokens: TokenCounts = SOME_TOKENS,
    *,
    model: str = DEAR,
    project: str = "search",
    outline: RequestOutline | None = None,
    **changes: Any,
) -> MadeCall:
    """A call of a project at a number of seconds after noon."""
    changes = {"invoked_model_id": model} | changes
    record = usage_record(
        model_id=model, timestamp=NOON + timedelta(seconds=seconds), tokens=tokens, **changes
    )
    return MadeCall(record, project, outline)


def enriched_attempt(made: MadeCall, pricing: Pricing = PRICING) -> EnrichedCall:
    """A call of its project, with its cost as a successful call."""
    attribution = NO_ATTRIBUTION._replace(project=made.project)
    return CallEnricher(pricing).enrich_attempt(made.record)._replace(attribution=attribution)


def report_on(
    *calls: MadeCall, pricing: Pricing = PRICING, end_seconds: float | None = None
) -> ComparisonReport:
    """Report on calls, in order of time."""
    observer = TrafficObserver(pricing)
    for made in sorted(calls, key=lambda made: made.record.timestamp):
        observer.observe(observer.read(enriched_attempt(made, pricing)), made.outline)
    end = None if end_seconds is None else NOON + timedelta(seconds=end_seconds)
    return observer.report(end=end)


def build_costs(report: ComparisonReport) -> dict[str, ModelCost]:
    """The cost of all traffic by model."""
    (traffic,) = report.account.traffic
    return {cost.model_id: cost for cost in traffic.costs}


def lost(report: ComparisonReport, waste: WasteKind) -> WasteTotals:
    """The totals of one kind of waste for at most one project and model; empty without it."""
    found = [figures for key, figures in report.waste if key.waste is waste]
    assert len(found) <= 1
    return found[0] if found else WasteTotals()
