"""Observes calls in tests."""

from datetime import timedelta
from typing import Any

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import Pricing, read_models
from lambdas.domain.reports.comparison import (
    ComparisonReport,
    ObservedCall,
    RequestOutline,
    TrafficObserver,
)
from lambdas.domain.reports.comparison.candidates import ModelCost
from lambdas.domain.reports.comparison.losses import Loss, LossFigures
from tests.builders import NOON, usage_record
from tests.unit.reports.comparison.prices import DEAR, PRICING

SOME_TOKENS = TokenCounts(10, 5)


def call(
    seconds: float = 0,
    tokens: TokenCounts = SOME_TOKENS,
    *,
    model: str = DEAR,
    project: str = "search",
    outline: RequestOutline | None = None,
    **changes: Any,
) -> ObservedCall:
    """A call of a project, so many seconds after noon."""
    changes = {"invoked_model_id": model} | changes
    record = usage_record(
        model_id=model, timestamp=NOON + timedelta(seconds=seconds), tokens=tokens, **changes
    )
    return ObservedCall(record, read_models(record), project, outline)


def report_on(
    *calls: ObservedCall, pricing: Pricing = PRICING, end_seconds: float | None = None
) -> ComparisonReport:
    """What there is to say of calls, in order of time."""
    observer = TrafficObserver(pricing)
    for it in sorted(calls, key=lambda it: it.record.timestamp):
        observer.observe(it)
    end = None if end_seconds is None else NOON + timedelta(seconds=end_seconds)
    return observer.report(end=end)


def costs_of(report: ComparisonReport) -> dict[str, ModelCost]:
    """What all traffic, of one purpose, costs by model."""
    (traffic,) = report.account.traffic
    return {cost.model_id: cost for cost in traffic.costs}


def lost(report: ComparisonReport, loss: Loss) -> LossFigures:
    """The figures of one loss, which only one project and model have; empty ones for none."""
    found = [figures for key, figures in report.losses if key.loss is loss]
    assert len(found) <= 1
    return found[0] if found else LossFigures()
