"""Metrics: the truth in every minute, and at most what interruptions repeat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import IDENTITY_ARN, MODEL_ID, PROJECT
from lambdas.domain.pricing import Cost, PriceBook, Rates
from tests.builders import PRICES, PRICING, compute_cost, listed_price
from tests.simulation.account import Account
from tests.simulation.checks.projection import Difference
from tests.simulation.cloud.cloudwatch import Series
from tests.simulation.drivers.price_updater import NEW_USD
from tests.simulation.traffic import NEW_MODEL, RETENTION

_FINAL_PRICING = replace(
    PRICING,
    book=PriceBook([*PRICES, listed_price(NEW_MODEL, Rates(0, NEW_USD), effective_from=None)]),
)
_CHECKED = ("Invocations", "InvocationErrors", "InputTokens", "OutputTokens", "EstimatedCostUSD")
_BY_PROJECT = ("Invocations", "EstimatedCostUSD")
_CALLS = ("Invocations", "InvocationErrors")


class MetricsProjection:
    """Calls, tokens and cost of the account, of models and of identities."""

    name = "metrics"

    def compare(self, account: Account) -> Iterator[Difference]:
        cloudwatch = account.metrics
        expected = add_up(account.traffic.calls.values())
        missing = _find_trimmed(account)
        found = {
            series: total for series, total in cloudwatch.sums.items() if series.name in _CHECKED
        }
        for series in sorted(expected.keys() | found.keys()):
            yield Difference(
                self.name,
                f"{series.name} {dict(series.dimensions)} {series.minute:%d %H:%M}",
                expected.get(series, 0),
                found.get(series, 0),
                missing[series],
                cloudwatch.repeatable.get(series, 0),
            )


def count_repeated_calls(account: Account) -> int:
    """Count the calls that metrics have twice."""
    expected = add_up(account.traffic.calls.values())
    return round(
        sum(
            max(0.0, total - expected.get(series, 0))
            for series, total in account.metrics.sums.items()
            if series.name in _CALLS and not series.dimensions
        )
    )


def add_up(records: Iterable[UsageRecord]) -> Mapping[Series, float]:
    """Add up what metrics have to show of calls."""
    totals: defaultdict[Series, float] = defaultdict(float)
    for record in records:
        for series, value in _values(record).items():
            totals[series] += value
    return totals


def _values(record: UsageRecord) -> dict[Series, float]:
    """The values of one call, with the arithmetic written out once more."""
    cost = compute_cost(record, _FINAL_PRICING)
    values: dict[str, float] = (
        {"InvocationErrors": 1}
        if record.error_code
        else {
            "Invocations": 1,
            "InputTokens": record.tokens.input or 0,
            "OutputTokens": record.tokens.output or 0,
            "EstimatedCostUSD": float(cost.effective_usd) if isinstance(cost, Cost) else 0,
        }
    )
    minute = record.timestamp.replace(second=0, microsecond=0)
    every: tuple[tuple[tuple[str, str], ...], ...] = (
        (),
        ((MODEL_ID, record.model_id),),
        ((IDENTITY_ARN, record.identity_arn),),
    )
    project = ((PROJECT, UNATTRIBUTED),)
    by_project = {name: value for name, value in values.items() if name in _BY_PROJECT}
    return {
        Series(name, dimensions, minute): value
        for name, value in values.items()
        for dimensions in every
    } | {Series(name, project, minute): value for name, value in by_project.items()}


def _find_trimmed(account: Account) -> Mapping[Series, float]:
    """Find values that metrics cannot show: the stream did not keep them until they were read."""
    missing: defaultdict[Series, float] = defaultdict(float)
    for record in account.sources["metric_publisher"].trimmed:
        change = read_change(record, RETENTION)
        if isinstance(change, LedgerChange):
            before = _values(change.replaced) if change.replaced else {}
            for series, value in _values(change.record).items():
                missing[series] += max(0, value - before.get(series, 0))
    return missing
