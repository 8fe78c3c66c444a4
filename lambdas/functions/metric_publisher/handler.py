"""Turns the stream of the usage ledger into CloudWatch metrics."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_stream import (
    changed_at,
    is_expired,
    read_change,
    sequence_number,
)
from lambdas.domain.invocations import Conflicts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.tampering import TamperedCall
from lambdas.domain.metrics.catalog import (
    CONFLICTING_DUPLICATES,
    METERING_DELAY,
    OVERFLOWING_CALLS,
    TAMPERED_CALLS,
    UNPUBLISHED_RECORDS,
    HealthMetric,
)
from lambdas.functions.metric_publisher.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.publish_metrics import PublishMetrics
from lambdas.wiring.client_timeouts import LONGEST_CALL_MS, PROMPT
from lambdas.wiring.pricing import CurrentPricing
from lambdas.wiring.publishing import bounded_identities, bounded_models, bounded_projects

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STARTED = datetime.now(UTC)
"""When this process began: one before it may have tried older changes, at other prices."""
_DISPUTED = "Readings of a call disagree"
_TAMPERED = "Something other than the meter changed the ledger"
_MAX_LOGGED_CALLS = 50  # of a batch of a thousand
_LONGEST_FIRST_TRY = timedelta(minutes=5)  # with the 30 seconds in which changes are gathered


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish what is new in a batch of the stream.

    Returns:
        The partial batch response: the first record that is to come again, with all after it.
        https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    now = datetime.now(UTC)
    records = [
        record
        for record in event["Records"]
        if changed_at(record) >= deployed_at() and not is_expired(record)
    ]
    prices = pricing()
    cost_of = prices.get_published(now)
    other_prices_until = max(STARTED, prices.agreed_since, now - _LONGEST_FIRST_TRY)
    report = replace(publisher(), cost_of=cost_of)(
        [read_change(record, retention()) for record in records],
        now,
        has_time=lambda: context.get_remaining_time_in_millis() > LONGEST_CALL_MS,
        is_retried=any(changed_at(record) <= other_prices_until for record in records),
    )
    health: dict[HealthMetric, float] = {
        CONFLICTING_DUPLICATES: len(report.conflicting),
        TAMPERED_CALLS: len(report.tampered),
        UNPUBLISHED_RECORDS: report.unpublished,
        OVERFLOWING_CALLS: report.overflowing,
    }
    if report.oldest is not None:
        health[METERING_DELAY] = max(0.0, (now - report.oldest).total_seconds())
    record_health(health)
    _log_conflicts(report.conflicting)
    _log_tampering(report.tampered)
    if report.first_unsent is None:
        return {"batchItemFailures": []}
    logger.warning(
        "A part of the batch was not published and comes again",
        published=report.published,
        left=len(records) - report.first_unsent,
        reason=report.reason,
    )
    return {
        "batchItemFailures": [{"itemIdentifier": sequence_number(records[report.first_unsent])}]
    }


def _log_conflicts(changes: Sequence[LedgerChange]) -> None:
    """Name the calls whose readings disagree, with every caller and model that they report."""
    for change in changes[:_MAX_LOGGED_CALLS]:
        logger.warning(_DISPUTED, **_describe(change.record))


def _log_tampering(tampered: Sequence[TamperedCall]) -> None:
    """Name the calls that something else changed, and what it did to them."""
    for call in tampered[:_MAX_LOGGED_CALLS]:
        described = _describe(call.record) if call.record else {}
        logger.warning(_TAMPERED, tampering=call.tampering, **described)


def _describe(record: UsageRecord) -> dict[str, Any]:
    conflicts = record.conflicts or Conflicts()
    return {
        "request_id": record.request_id,
        "called_at": record.timestamp.isoformat(),
        "callers": conflicts.identity_arns or (record.identity_arn,),
        "models": sorted({variant.model_id for variant in conflicts.variants})
        or (record.model_id,),
    }


@cache
def deployed_at() -> datetime:
    """When this deployment began: what the stream has from before, another one has published."""
    return created_at(boto3.client("cloudformation", config=PROMPT), settings().stack_id)


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


def retention() -> timedelta:
    """How long the ledger keeps a call."""
    return timedelta(days=settings().ledger_retention_days)


@cache
def pricing() -> CurrentPricing:
    """Make what prices calls, once."""
    return CurrentPricing(settings())


@cache
def publisher() -> PublishMetrics:
    """What publishes, made once."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return PublishMetrics(
        sink=CloudWatchMetricSink(boto3.client("cloudwatch", config=PROMPT)),
        detail=settings().detail,
        identity_dimension=bounded_identities(settings(), dynamodb),
        cost_of=settings().pricing.cost_of,
        unpriced=DynamoDbUnpricedNotes(dynamodb, settings().state_table),
        attribute=bounded_projects(settings(), dynamodb),
        name_model=bounded_models(settings(), dynamodb).name,
    )
