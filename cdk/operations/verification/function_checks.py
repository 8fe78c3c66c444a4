"""Starts each scheduled function, and checks its answer, health metrics or files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cdk.config import stack_names
from cdk.operations.verification.check import Check, CheckFailedError, CheckSkippedError
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.metrics.catalog import (
    COVERAGE_SHORTFALL,
    DEPLOYMENT_DRIFT,
    UNREADABLE_REGIONS,
    WAITING_MODELS,
    HealthMetric,
)
from lambdas.domain.reports.comparison import COMPARISON_PREFIX
from lambdas.domain.reports.focus import COSTS_PREFIX

_HEALTH: Mapping[str, HealthMetric] = {
    "CoverageAuditor": COVERAGE_SHORTFALL,
    "TrafficAuditor": UNREADABLE_REGIONS,
    "LoggingWatcher": DEPLOYMENT_DRIFT,
    "PriceRefresher": WAITING_MODELS,
}
"""The health metric that each run of a function publishes."""


def make_function_checks() -> tuple[Check, ...]:
    """Make one check for each function that a schedule starts."""
    healthy = [_make_check(name, _check_health(name)) for name in _HEALTH]
    return (
        *healthy,
        _make_check("PriceUpdater", _check_prices),
        _make_check("FocusExporter", _check_costs),
        _make_check("ComparisonReporter", _check_comparison),
    )


def _make_check(function: str, run: Callable[[VerifiedMeter], str]) -> Check:
    return Check(f"function {function}", run, function)


def _check_health(function: str) -> Callable[[VerifiedMeter], str]:
    def run(meter: VerifiedMeter) -> str:
        metric = _HEALTH[function]
        value = meter.start_and_read(function, metric)
        if metric is DEPLOYMENT_DRIFT and value:
            message = f"{value:g} differences from the deployment"
            raise CheckFailedError(message)
        return f"{metric.name} is {value:g}"

    return run


def _check_prices(meter: VerifiedMeter) -> str:
    """Check that AWS's price files can be read."""
    if not meter.config.price_updates:
        message = "price_updates is off"
        raise CheckSkippedError(message)
    answer = meter.start("PriceUpdater")
    if "unavailable" in answer:
        raise CheckFailedError(str(answer["unavailable"]))
    return f"AWS's price files were read; price edition in force: {answer['edition'] or 'shipped'}"


def _check_costs(meter: VerifiedMeter) -> str:
    return _check_report(meter, "FocusExporter", COSTS_PREFIX, is_on=meter.config.focus_export)


def _check_comparison(meter: VerifiedMeter) -> str:
    is_on = meter.config.comparison_report
    return _check_report(meter, "ComparisonReporter", COMPARISON_PREFIX, is_on=is_on)


def _check_report(meter: VerifiedMeter, function: str, prefix: str, *, is_on: bool) -> str:
    if not is_on:
        message = "the report is off"
        raise CheckSkippedError(message)
    meter.start(function)
    bucket = meter.deployment.output(stack_names.STORAGE, "ReportBucketName")
    answer = meter.session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    if not answer.get("KeyCount"):
        message = f"{function} wrote no file below {prefix}"
        raise CheckFailedError(message)
    return f"{answer['KeyCount']} files below {prefix}"
