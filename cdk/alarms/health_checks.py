"""All health checks of the meter, except those of scheduled functions."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.counting_checks import counting_checks
from cdk.alarms.function_checks import function_checks
from cdk.alarms.health_check import HealthCheck
from cdk.alarms.price_checks import price_checks


def checks() -> Iterator[HealthCheck]:
    """Health checks that are in every deployment."""
    yield from counting_checks()
    yield from price_checks()
    yield from function_checks()
