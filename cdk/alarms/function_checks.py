"""Health checks of functions that fail, fall behind, give up or stop reporting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from cdk.alarms.health_check import (
    FIVE_MINUTES,
    TWO_HOURS,
    HealthCheck,
    MetricBuilder,
    Silence,
    Watched,
    build_health_metric,
    build_report_count,
    build_sum_metric,
)
from lambdas.domain.metrics.catalog import (
    ACCEPTED_RECORDS,
    DEPLOYMENT_DRIFT,
    INVOCATIONS,
    NAMESPACE,
    REPRICED_CALLS,
    UNPUBLISHED_RECORDS,
)

_MAX_DELAY = Duration.minutes(15)
_QUARTER_OF_AN_HOUR = Duration.minutes(15)
_HALF_AN_HOUR = Duration.minutes(30)
_LAMBDA = "AWS/Lambda"
_NOTHING_REPORTED = (
    "IF(FILL(metered, 0) > 0 AND (FILL(deliveries, 0) == 0 OR FILL(batches, 0) == 0), 1, 0)"
)
"""1 for a period in which calls are metered but one of the functions does not report."""
_FUNCTIONS: dict[str, Callable[[Watched], lambda_.IFunction]] = {
    "LogProcessor": lambda watched: watched.log_processor,
    "MetricPublisher": lambda watched: watched.metric_publisher,
}
_FAILS = (
    "fails repeatedly. Lambda retries, then stores the event in the failure bucket. First read the"
    " last error in the function's log group."
)
_IS_THROTTLED = (
    "is throttled. First check its reserved concurrency, which the meter does not set, then the"
    " account's concurrency limit, which other functions may use up."
)
_FIX_AND_REDRIVE = "First fix the cause of the errors, then run make redrive."
_NOT_IN_METRICS = "Metrics and alarms do not include them; the ledger and the reports do."


def function_checks() -> Iterator[HealthCheck]:
    """Health checks of the functions that count and publish, and of the checks' own reports."""
    yield from _silence()
    yield from _errors()
    yield from _delays()
    yield from _given_up()


def _silence() -> Iterator[HealthCheck]:
    """Health checks of functions that run but whose log groups are gone.

    The audits and the checks of logging and of the price list have alarms of their own. Those
    treat a missing value as a fault.
    """
    # Metrics carry the time of the call, reports that of the run, so a single period is no proof.
    yield HealthCheck(
        "HealthMetricsMissing",
        lambda _: cloudwatch.MathExpression(
            expression=_NOTHING_REPORTED,
            using_metrics={
                "metered": build_sum_metric(NAMESPACE, INVOCATIONS.name, period=_HALF_AN_HOUR),
                "deliveries": build_report_count(ACCEPTED_RECORDS.name, _HALF_AN_HOUR),
                "batches": build_report_count(UNPUBLISHED_RECORDS.name, _HALF_AN_HOUR),
            },
            period=_HALF_AN_HOUR,
        ),
        "checks",
        "Calls are metered, but LogProcessor or MetricPublisher publishes no health metrics, so the"
        " alarms on rejected, conflicting and tampered records cannot detect anything. First check"
        " that the function's log group exists.",
        periods=(2, 2),
    )
    # Two hours hold a run, some seconds early or late.
    yield HealthCheck(
        "PriceRefresherSilent",
        lambda _: build_report_count(REPRICED_CALLS.name, TWO_HOURS),
        "function-calls",
        "PriceRefresher has published no health metrics for two hours, so the alarm UnpricedModels"
        " cannot detect models without a price. First check that the function runs and that its"
        " log group exists.",
        runbook="HealthMetricsMissing",
        is_below=True,
        silence=Silence.FAULT,
    )
    yield HealthCheck(
        DEPLOYMENT_DRIFT.name,
        lambda _: build_health_metric(DEPLOYMENT_DRIFT.name, _QUARTER_OF_AN_HOUR),
        "checks",
        "For half an hour, invocation logging, alarms, notifications or functions have differed"
        " from the deployment. First read the notification of LoggingWatcher: it lists the"
        " differences. If none came, the checks may not be reporting: check that its log group"
        " exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _errors() -> Iterator[HealthCheck]:
    for name, select_function in _FUNCTIONS.items():
        for metric, meaning in (
            ("Errors", _FAILS),
            ("Throttles", _IS_THROTTLED),
        ):
            yield HealthCheck(
                f"{name}{metric}",
                _build_function_metric(select_function, metric, "Sum"),
                "function-errors",
                f"{name} {meaning}",
                periods=(2, 3),
                runbook="FunctionErrors",
            )
        yield HealthCheck(
            f"{name}DestinationFailures",
            _build_function_metric(select_function, "DestinationDeliveryFailures", "Sum"),
            "lost-calls",
            f"{name} gave up on some calls, and Lambda could not store them in the failure bucket,"
            " from which make redrive retries them. First check that the function's role can write"
            " to the bucket.",
            runbook="FailedDeliveries",
        )


def _delays() -> Iterator[HealthCheck]:
    for name, function, metric in (
        ("DeliveryAge", "LogProcessor", "AsyncEventAge"),
        ("StreamAge", "MetricPublisher", "IteratorAge"),
    ):
        yield HealthCheck(
            name,
            _build_function_metric(_FUNCTIONS[function], metric, "Maximum"),
            "delays",
            f"{function} processes calls more than {_MAX_DELAY.to_minutes():.0f} minutes late."
            " Nothing is lost, but usage alarms are delayed. First check whether the function fails"
            " or is throttled.",
            threshold=_MAX_DELAY.to_milliseconds(),
            runbook="CountingDelays",
        )


def _given_up() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "DroppedDeliveries",
        _build_function_metric(_FUNCTIONS["LogProcessor"], "AsyncEventsDropped", "Sum"),
        "lost-calls",
        "LogProcessor gave up on log deliveries. They are in the failure bucket, and their calls"
        f" are not counted. {_FIX_AND_REDRIVE}",
        runbook="FailedDeliveries",
    )
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    for name, metric, meaning in (
        (
            "UnpublishedBatches",
            "OnFailureDestinationDeliveredEventCount",
            f"They are in the failure bucket. {_NOT_IN_METRICS} {_FIX_AND_REDRIVE}",
        ),
        (
            "DroppedBatches",
            "DroppedEventCount",
            f"They are not in the failure bucket. {_NOT_IN_METRICS} First check its role.",
        ),
    ):
        yield HealthCheck(
            name,
            _build_stream_metric(metric),
            "lost-calls",
            f"MetricPublisher gave up on publishing calls. {meaning}",
            runbook="FailedDeliveries",
        )


def _build_function_metric(
    select_function: Callable[[Watched], lambda_.IFunction],
    metric: str,
    statistic: str,
) -> MetricBuilder:
    return lambda watched: select_function(watched).metric(
        metric, statistic=statistic, period=FIVE_MINUTES
    )


def _build_stream_metric(metric: str) -> MetricBuilder:
    return lambda watched: build_sum_metric(
        _LAMBDA, metric, {"EventSourceMappingUUID": watched.stream_mapping.attr_id}
    )
