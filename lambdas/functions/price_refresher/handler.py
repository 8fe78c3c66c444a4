"""Publishes the cost of calls that had no price before, once there is one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudwatch_metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb_unpriced_calls import DynamoDbUnpricedCalls
from lambdas.domain.metering.metric_catalog import REPRICED_CALLS
from lambdas.domain.metering.metric_sink import MetricsUnavailableError
from lambdas.functions.current_pricing import CurrentPricing
from lambdas.functions.patience import LONGEST_CALL_MS, PROMPT
from lambdas.functions.price_refresher.settings import Settings
from lambdas.functions.publishing import bounded_identities, bounded_projects
from lambdas.observability import logger, record_health
from lambdas.services.reprice_calls import RepriceCalls

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MOST_MODELS_TOLD = 20


def lambda_handler(_event: object, context: LambdaContext) -> dict[str, Any]:
    """Publish what has a price now; what was done, as `make reprice` prints it.

    Raises:
        MetricsUnavailableError: CloudWatch did not take all, which counts as an error of the
            function: cost would be missing for as long as nobody knows.
    """
    report = replace(reprice(), pricing=pricing().get())(
        datetime.now(UTC),
        has_time=lambda: context.get_remaining_time_in_millis() > LONGEST_CALL_MS,
    )
    record_health({REPRICED_CALLS: sum(it.calls for it in report.by_model.values())})
    told = asdict(report) | {"waiting": _bounded(report.waiting)}
    for it in told["by_model"].values():
        it["usd"] = f"{it['usd']:f}"
    if report.by_model or report.waiting or report.reason:
        logger.info("Calls that had no price", **told)
    if report.is_refused:
        raise MetricsUnavailableError(report.reason)
    return told


def _bounded(waiting: Mapping[str, int]) -> dict[str, int]:
    """The models that most calls wait for, and the rest in one line."""
    by_calls = Counter(waiting).most_common()
    told, rest = dict(by_calls[:_MOST_MODELS_TOLD]), by_calls[_MOST_MODELS_TOLD:]
    if rest:
        told[f"{len(rest)} other models"] = sum(calls for _, calls in rest)
    return told


@cache
def pricing() -> CurrentPricing:
    """Make what prices calls, once."""
    return CurrentPricing(Settings.from_environment(os.environ))


@cache
def reprice() -> RepriceCalls:
    """What publishes, made once."""
    settings = Settings.from_environment(os.environ)
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return RepriceCalls(
        sink=CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT)),
        detail=settings.detail,
        identity_dimension=bounded_identities(settings, dynamodb),
        pricing=settings.pricing,
        unpriced=DynamoDbUnpricedCalls(dynamodb, settings.ledger_table),
        attribute=bounded_projects(settings, dynamodb),
    )
