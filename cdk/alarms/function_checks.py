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
    MetricOf,
    Silence,
    Watched,
    count_reports,
    health_maximum,
    sum_metric,
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
    "fails again and again. Lambda retries, then keeps the event in the failure bucket. Read the"
    " last error in its log group first."
)
_IS_THROTTLED = (
    "is throttled: other functions use up the account's concurrency, or someone limited its own."
    " Compare the two first."
)
_FIX_AND_REDRIVE = "Fix the cause of the errors first, then run make redrive."
_NOT_IN_METRICS = "They are missing from metrics and alarms, not from the ledger and its reports."


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
                "metered": sum_metric(NAMESPACE, INVOCATIONS.name, period=_HALF_AN_HOUR),
                "deliveries": count_reports(ACCEPTED_RECORDS.name, _HALF_AN_HOUR),
                "batches": count_reports(UNPUBLISHED_RECORDS.name, _HALF_AN_HOUR),
            },
            period=_HALF_AN_HOUR,
        ),
        "nothing-reported",
        "Calls are metered, but LogProcessor or MetricPublisher reports nothing of itself, so that"
        " alarms on rejected records and forged readings see nothing. Check first that the"
        " function's log group still exists.",
        periods=(2, 2),
    )
    # Two hours hold a run, some seconds early or late.
    yield HealthCheck(
        "PriceRefresherSilent",
        lambda _: count_reports(REPRICED_CALLS.name, TWO_HOURS),
        "price-refresher-reports",
        "PriceRefresher has reported nothing for two hours, so that the alarm on further models"
        " without a price sees nothing. Check first that it runs, and that its log group still"
        " exists.",
        runbook="HealthMetricsMissing",
        is_below=True,
        silence=Silence.FAULT,
    )
    yield HealthCheck(
        DEPLOYMENT_DRIFT.name,
        lambda _: health_maximum(DEPLOYMENT_DRIFT.name, _QUARTER_OF_AN_HOUR),
        "logging-differences",
        "For half an hour, invocation logging, alarms, notifications or functions have not been as"
        " they were deployed. Read the notification of LoggingWatcher first: it says what differs."
        " Without one, the checks may report nothing: check that its log group still exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _errors() -> Iterator[HealthCheck]:
    for name, function_of in _FUNCTIONS.items():
        for metric, meaning in (
            ("Errors", _FAILS),
            ("Throttles", _IS_THROTTLED),
        ):
            yield HealthCheck(
                f"{name}{metric}",
                _build_function_metric(function_of, metric, "Sum"),
                f"function-{metric.lower()}",
                f"{name} {meaning}",
                periods=(2, 3),
                runbook="FunctionErrors",
            )
        yield HealthCheck(
            f"{name}DestinationFailures",
            _build_function_metric(function_of, "DestinationDeliveryFailures", "Sum"),
            "function-destination-failures",
            f"{name} gave up on some calls, and Lambda could not keep them in the failure bucket,"
            " where make redrive would find them. Check first that its role may write there.",
            runbook="FailedDeliveries",
        )


def _delays() -> Iterator[HealthCheck]:
    for name, function, metric, graph in (
        ("DeliveryAge", "LogProcessor", "AsyncEventAge", "delivery-age"),
        ("StreamAge", "MetricPublisher", "IteratorAge", "stream-age"),
    ):
        yield HealthCheck(
            name,
            _build_function_metric(_FUNCTIONS[function], metric, "Maximum"),
            graph,
            f"{function} counts calls more than {_MAX_DELAY.to_minutes():.0f} minutes late."
            " Nothing is lost, but alarms on usage are as late. Check first whether it fails or is"
            " throttled.",
            threshold=_MAX_DELAY.to_milliseconds(),
            runbook="CountingDelays",
        )


def _given_up() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "DroppedDeliveries",
        _build_function_metric(_FUNCTIONS["LogProcessor"], "AsyncEventsDropped", "Sum"),
        "dropped-deliveries",
        "LogProcessor gave up on deliveries of logs, which are in the failure bucket. Their calls"
        f" are not counted. {_FIX_AND_REDRIVE}",
        runbook="FailedDeliveries",
    )
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    for name, metric, meaning in (
        (
            "UnpublishedBatches",
            "OnFailureDestinationDeliveredEventCount",
            f"which are in the failure bucket. {_NOT_IN_METRICS} {_FIX_AND_REDRIVE}",
        ),
        (
            "DroppedBatches",
            "DroppedEventCount",
            f"which are not in the failure bucket. {_NOT_IN_METRICS} Check its role first.",
        ),
    ):
        yield HealthCheck(
            name,
            _build_stream_metric(metric),
            "stream-failures",
            f"MetricPublisher gave up on calls, {meaning}",
            runbook="FailedDeliveries",
        )


def _build_function_metric(
    function_of: Callable[[Watched], lambda_.IFunction],
    metric: str,
    statistic: str,
) -> MetricOf:
    return lambda watched: function_of(watched).metric(
        metric, statistic=statistic, period=FIVE_MINUTES
    )


def _build_stream_metric(metric: str) -> MetricOf:
    return lambda watched: sum_metric(
        _LAMBDA, metric, {"EventSourceMappingUUID": watched.stream_mapping.attr_id}
    )
