"""Metrics of credits: balance, burn rate, days left and overage of each scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from lambdas.domain.budgets import BudgetScope, digest_value, to_usd
from lambdas.domain.credits import describe_scope, scope_key
from lambdas.domain.credits.alerts import CreditFigures
from lambdas.domain.metrics.aggregation import DataPoint, StatisticSet
from lambdas.domain.metrics.catalog import (
    CREDIT_BALANCE,
    CREDIT_BURNED,
    CREDIT_DAYS_LEFT,
    CREDIT_OVERAGE,
    CREDIT_SCOPE,
    Metric,
    dimension_value,
)
from lambdas.domain.metrics.sink import MetricSink
from lambdas.domain.pace import Pace

STEP = timedelta(minutes=5)
"""The time between two values of a metric."""
MAX_SCOPES = 20
"""The scopes with metrics: each costs four. Those with the oldest grants have them."""
_DAYS = Decimal("0.1")


@dataclass(slots=True)
class CreditPublishing:
    """Publishes the metrics of credits, once in five minutes.

    Each value stands for itself, so that one that is published twice changes no statistic that is
    shown.

    Attributes:
        sink: Takes the data points.
    """

    sink: MetricSink
    _pace: Pace = field(default_factory=lambda: Pace(STEP), init=False)

    def is_due(self, now: datetime) -> bool:
        """Say if nothing was published in the five minutes that a time is in."""
        return self._pace.is_due(now)

    def publish(self, figures: Iterable[CreditFigures], now: datetime) -> None:
        """Publish the metrics of scopes at a time.

        Raises:
            MetricsUnavailableError: CloudWatch did not take them; they are due again.
        """
        shown = sorted(figures, key=_get_age)[:MAX_SCOPES]
        points = [point for each in shown for point in list_points(each, now)]
        if points:
            self.sink.send(points)
        self._pace.note(now)


def list_points(figures: CreditFigures, now: datetime) -> Sequence[DataPoint]:
    """List the data points of a scope; that of days left is absent where there is no usage."""
    minute = now.replace(second=0, microsecond=0)
    dimensions = ((CREDIT_SCOPE, name_series(figures.scope.scope)),)
    return [
        DataPoint(metric, dimensions, minute, StatisticSet(1, value, value, value))
        for metric, value in _list_values(figures)
    ]


def name_series(scope: BudgetScope) -> str:
    """Name a scope so that no other scope has the same name.

    The description of a scope has a digest beside it if it leaves names out, or if a name looks
    like several.
    """
    name = describe_scope(scope)
    names = [each for listed in scope.conditions.values() for each in listed]
    is_exact = all("," not in each and each in name for each in names)
    return dimension_value(name if is_exact else f"{name} #{digest_value(scope_key(scope))[:16]}")


def _list_values(figures: CreditFigures) -> Iterator[tuple[Metric, Decimal]]:
    yield CREDIT_BALANCE, to_usd(figures.scope.balance_picodollars)
    yield CREDIT_BURNED, to_usd(figures.burned.paid_picodollars)
    yield CREDIT_OVERAGE, to_usd(figures.overage_picodollars)
    if figures.days_left is not None:
        yield CREDIT_DAYS_LEFT, Decimal(figures.days_left).quantize(_DAYS)


def _get_age(figures: CreditFigures) -> tuple[datetime, str]:
    scope = figures.scope
    return min(balance.grant.created_at for balance in scope.grants), scope.key
