"""Publishes cost that was missing: of calls without a price, and at superseded prices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.cost_corrections import DynamoDbCostCorrections
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls
from lambdas.domain.ledger.cost_corrections import CorrectionProgress
from lambdas.domain.metrics.catalog import REPRICED_CALLS, WAITING_MODELS, HealthMetric
from lambdas.domain.metrics.sink import MetricsUnavailableError
from lambdas.functions.price_refresher.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.correct_costs import CorrectCosts, CorrectionReport
from lambdas.services.reprice_calls import RepriceCalls
from lambdas.wiring.client_timeouts import LONGEST_CALL_MS, PROMPT
from lambdas.wiring.pricing import CurrentPricing
from lambdas.wiring.publishing import bounded_identities, bounded_models, bounded_projects

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MAX_WAITING_MODELS = 20


def lambda_handler(_event: object, context: LambdaContext) -> dict[str, Any]:
    """Publish the cost of calls that have a price now, and differences of superseded prices.

    Returns:
        What `make reprice` prints.

    Raises:
        MetricsUnavailableError: CloudWatch did not take all, which counts as an error of the
            function, so that its alarm notifies: cost is missing until a run succeeds.
    """
    now, prices = datetime.now(UTC), pricing()
    repricer, corrector = services()

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > LONGEST_CALL_MS

    report = replace(repricer, pricing=prices.get()).reprice(now, has_time)
    corrected = (
        CorrectionReport()
        if prices.edition is None
        else corrector.correct(prices.edition, now, has_time)
    )
    repriced = sum(model.calls for model in report.by_model.values())
    health: dict[HealthMetric, float] = {REPRICED_CALLS: repriced + corrected.published}
    if not report.is_other_run:
        health[WAITING_MODELS] = len(report.waiting)
    record_health(health)
    reason = report.reason or corrected.reason
    result = asdict(report) | {
        "waiting": _summarize(report.waiting),
        "corrections": [_describe(progress) for progress in corrected.corrections],
        "reason": reason,
        "is_refused": report.is_refused or corrected.is_refused,
    }
    del result["is_other_run"]
    for model in result["by_model"].values():
        model["usd"] = f"{model['usd']:f}"
    if report.by_model or report.waiting or corrected.published or reason:
        logger.info("Calls that had no price, or a superseded one", **result)
    if result["is_refused"]:
        raise MetricsUnavailableError(reason)
    return result


def _summarize(waiting: Mapping[str, date]) -> dict[str, str]:
    """The models that calls wait for longest, and the rest in one line."""
    by_day = sorted(waiting.items(), key=itemgetter(1))
    days = dict(by_day[:_MAX_WAITING_MODELS])
    rest = by_day[_MAX_WAITING_MODELS:]
    if rest:
        days[f"{len(rest)} other models"] = rest[0][1]
    return {name: day.isoformat() for name, day in days.items()}


def _describe(progress: CorrectionProgress) -> dict[str, Any]:
    """A correction as `make reprice` shows it."""
    values = progress._asdict()
    del values["cursor"]
    return values | {
        "is_begun": values.pop("revision") > 0,
        "raised_usd": f"{progress.raised_usd:f}",
        "lowered_usd": f"{progress.lowered_usd:f}",
    }


@cache
def pricing() -> CurrentPricing:
    """Make what prices calls, once."""
    return CurrentPricing(Settings.from_environment(os.environ))


@cache
def services() -> tuple[RepriceCalls, CorrectCosts]:
    """Make what publishes missing cost and what publishes differences, once."""
    settings = Settings.from_environment(os.environ)
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    repricer = RepriceCalls(
        sink=CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT)),
        detail=settings.detail,
        identity_dimension=bounded_identities(settings, dynamodb),
        pricing=settings.pricing,
        unpriced=DynamoDbUnpricedCalls(dynamodb, settings.state_table, settings.ledger_table),
        attribute=bounded_projects(settings, dynamodb),
        name_model=bounded_models(settings, dynamodb).name,
    )
    corrector = CorrectCosts(
        sink=repricer.sink,
        detail=repricer.detail,
        identity_dimension=repricer.identity_dimension,
        attribute=repricer.attribute,
        pricing=settings.pricing,
        shipped=settings.pricing.book,
        calls=DynamoDbRecordedCalls(dynamodb, settings.ledger_table),
        corrections=DynamoDbCostCorrections(dynamodb, settings.state_table),
        lock=repricer.unpriced,
        name_model=repricer.name_model,
    )
    return repricer, corrector
