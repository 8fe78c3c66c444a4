"""Sums of CloudWatch's metrics, and the check that they are those of the logs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cdk.operations.terminal import CommandError
from dashboards.cloudwatch import CloudWatchMetrics, Periods, Statistic
from dashboards.demo.plain_sums import PlainSums
from lambdas.domain.metrics.catalog import (
    ESTIMATED_COST,
    INVOCATION_ERRORS,
    INVOCATIONS,
    NAMESPACE,
    QUOTA_TOKENS,
    TOTAL_TOKENS,
)

# In the order of PlainSums.
_METRICS = (INVOCATIONS, INVOCATION_ERRORS, TOTAL_TOKENS, QUOTA_TOKENS, ESTIMATED_COST)
_TOLERANCE_USD = Decimal("0.0001")  # CloudWatch adds up floating-point numbers


def read_sums(source: CloudWatchMetrics, dimension: str, period: Periods) -> dict[str, PlainSums]:
    """Read the sums of all metrics with this dimension alone, by its values."""
    columns = [read_metric(source, metric.name, dimension, period) for metric in _METRICS]
    values = {value for column in columns for value in column}
    sums = {}
    for value in values:
        calls, failed, tokens, quota, usd = (column.get(value, 0.0) for column in columns)
        sums[value] = PlainSums(int(calls), int(failed), int(tokens), int(quota), Decimal(str(usd)))
    return sums


def read_metric(
    source: CloudWatchMetrics, name: str, dimension: str, period: Periods
) -> dict[str, float]:
    """Read the sum of one metric, by the values of its dimension."""
    metrics = [
        metric
        for metric in source.metrics(NAMESPACE, name)
        if metric.dimension_names == {dimension}
    ]
    return {
        dict(metric.dimensions)[dimension]: value or 0.0
        for metric, (value,) in source.values(metrics, Statistic.SUM, period).items()
    }


def check_sums(measured: Mapping[str, PlainSums], logged: Mapping[str, PlainSums]) -> None:
    """Check that the metrics say what the logs say, to the token and to a hundredth of a cent.

    Raises:
        CommandError: They do not.
    """
    for name in measured.keys() | logged.keys():
        found, expected = measured.get(name, PlainSums()), logged.get(name, PlainSums())
        is_close = abs(found.cost_usd - expected.cost_usd) <= _TOLERANCE_USD
        if found[:-1] != expected[:-1] or not is_close:
            message = f"{name} has {found} by the metrics, and {expected} by logs and prices."
            raise CommandError(message)
