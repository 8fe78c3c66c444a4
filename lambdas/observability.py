"""Structured logs of functions, and the meter's own health metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from time import time
from typing import Any

from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from lambdas.domain.metrics.catalog import (
    GATEWAY_NAMESPACE,
    HEALTH_NAMESPACE,
    MODEL_ID,
    NAMESPACE,
    OPERATION,
    Frequency,
    HealthMetric,
    LimitMetric,
    Metric,
    dimension_value,
)
from lambdas.logs import REQUEST_ID, log_request_id, logger

__all__ = [
    "log_request_id",
    "logger",
    "record_gateway",
    "record_gateway_call",
    "record_health",
    "record_model_usage",
]


def record_health(values: Mapping[HealthMetric, float]) -> None:
    """Write health metrics to the log in one line, from which CloudWatch makes metrics.

    The line has the id of the invocation, as all lines of the logger. Without a value to publish,
    there is no line.
    Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format.html
    """
    provider = AmazonCloudWatchEMFProvider(namespace=HEALTH_NAMESPACE)
    for metric, value in values.items():
        if value or metric.frequency is not Frequency.ON_EVENT:
            provider.add_metric(metric.name, metric.unit.value, value)
    if provider.metric_set:
        _flush(provider)


def record_gateway(
    values: Mapping[LimitMetric | HealthMetric, float], dimensions: Mapping[str, str]
) -> None:
    """Write metrics of a call of the gateway to the log in one line, whatever their dimensions are.

    It is written before callers have their answer, so it is written without a library.

    Args:
        values: The values; there is no line without one.
        dimensions: The values of all dimensions that the metrics have, as text that says nothing
            of a caller or a request.
    """
    if not values:
        return
    directives: dict[tuple[str, tuple[str, ...]], list[dict[str, str]]] = {}
    for metric in values:
        described = {"Name": metric.name, "Unit": metric.unit.value}
        directives.setdefault(_find_place(metric), []).append(described)
    line: dict[str, Any] = {
        "_aws": {
            "Timestamp": int(time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": namespace, "Dimensions": [names], "Metrics": metrics}
                for (namespace, names), metrics in directives.items()
            ],
        }
    }
    line |= {name: dimension_value(value) for name, value in dimensions.items()}
    line |= {metric.name: value for metric, value in values.items()}
    request_id = logger.get_current_keys().get(REQUEST_ID)
    if request_id is not None:
        line[REQUEST_ID] = request_id
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _find_place(metric: LimitMetric | HealthMetric) -> tuple[str, tuple[str, ...]]:
    """Find the namespace of a metric, and the names of its dimensions."""
    if isinstance(metric, LimitMetric):
        return GATEWAY_NAMESPACE, metric.dimension_names
    return HEALTH_NAMESPACE, ()


def record_model_usage(model_id: str, values: Mapping[Metric, int], at: datetime) -> None:
    """Write the usage of a model to the log, for the account and for the model.

    Args:
        model_id: The model.
        values: The amounts.
        at: The time of the usage: less than two weeks ago.
    """
    for dimensions in ({}, {MODEL_ID: dimension_value(model_id)}):
        provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        provider.set_timestamp(at)
        for name, value in dimensions.items():
            provider.add_dimension(name, value)
        for metric, amount in values.items():
            provider.add_metric(metric.name, metric.unit.value, amount)
        _flush(provider)


def record_gateway_call(operation: str, values: Mapping[Metric, float]) -> None:
    """Write metrics of one call through the gateway to the log, for its operation.

    Args:
        operation: The operation, as invocation logs name it.
        values: The values of the call.
    """
    provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
    provider.add_dimension(OPERATION, operation)
    for metric, value in values.items():
        provider.add_metric(metric.name, metric.unit.value, value)
    _flush(provider)


def _flush(provider: AmazonCloudWatchEMFProvider) -> None:
    request_id = logger.get_current_keys().get(REQUEST_ID)
    if request_id is not None:
        provider.add_metadata(REQUEST_ID, request_id)
    provider.flush_metrics()
