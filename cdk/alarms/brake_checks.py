"""Health checks of the brake, where it is switched on."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.health_check import FIVE_MINUTES, HealthCheck, build_health_metric
from lambdas.domain.metrics.catalog import (
    CONTESTED_DENIES,
    DELAYED_DENIES,
    EXCESSIVE_DENIES,
    OVERDUE_DENIES,
    HealthMetric,
)

_MEANINGS: dict[HealthMetric, str] = {
    CONTESTED_DENIES: (
        "Someone detached the deny of a caller four times, so it is no longer attached and the"
        " caller goes on past its budget. First run bedrock-meter deny list, then find who detached"
        " it in CloudTrail."
    ),
    DELAYED_DENIES: (
        "For ten minutes the brake could not deny or release callers: IAM refused, or there was no"
        " time. First run bedrock-meter deny list: it shows the obstacle of each."
    ),
    EXCESSIVE_DENIES: (
        "More callers are denied at once than brake_max_denied expects. First run bedrock-meter"
        " deny list. If a budget is wrong, bedrock-meter deny switch off releases all of them."
    ),
    OVERDUE_DENIES: (
        "A deny was still attached after its end, so the brake does not release callers. The"
        " watchdog does. First read the last error in the log of BrakeController."
    ),
}


_PERIODS: dict[HealthMetric, tuple[int, int]] = {DELAYED_DENIES: (2, 2)}
"""IAM may be busy for a moment, and the next run makes up for it."""


def brake_checks() -> Iterator[HealthCheck]:
    """Health checks of what the brake denies."""
    for metric, meaning in _MEANINGS.items():
        yield _make_check(metric, meaning)


def _make_check(metric: HealthMetric, meaning: str) -> HealthCheck:
    return HealthCheck(
        metric.name,
        lambda _: build_health_metric(metric.name, FIVE_MINUTES),
        "checks",
        meaning,
        periods=_PERIODS.get(metric, (1, 1)),
    )
