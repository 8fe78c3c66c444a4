"""Health checks of the books of credits, where they are switched on."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.health_check import FIVE_MINUTES, HealthCheck, build_health_metric
from lambdas.domain.metrics.catalog import CREDIT_DELAYS, CREDIT_MISMATCH, HealthMetric

CREDIT_BOOKER = "CreditBooker"
"""The name of the function that books, in alarms."""
_MEANINGS: dict[HealthMetric, str] = {
    CREDIT_DELAYS: (
        "Usage has waited for more than 30 minutes to be booked on credits, so balances are too"
        " high, and alerts come late. First read the last error in the log of CreditBooker."
    ),
    CREDIT_MISMATCH: (
        "Booked cost of an hour differs from counted cost, or a record of credits cannot be read."
        " First query the log of CreditBooker: it names the hour or the record."
    ),
}


def credit_checks() -> Iterator[HealthCheck]:
    """Health checks of booking."""
    for metric, meaning in _MEANINGS.items():
        yield _make_check(metric, meaning)


def _make_check(metric: HealthMetric, meaning: str) -> HealthCheck:
    return HealthCheck(
        metric.name,
        lambda _: build_health_metric(metric.name, FIVE_MINUTES),
        "checks",
        meaning,
    )
