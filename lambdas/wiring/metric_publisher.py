"""The publisher of `metric_publisher`, from the ledger's stream to CloudWatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_stream import (
    StreamRecord,
    changed_at,
    is_expired,
    read_change,
    sequence_number,
)
from lambdas.domain.invocations import Conflicts, UsageRecord
from lambdas.domain.metrics.catalog import (
    CONFLICTING_DUPLICATES,
    METERING_DELAY,
    OVERFLOWING_CALLS,
    TAMPERED_CALLS,
    UNPUBLISHED_RECORDS,
    HealthMetric,
)
from lambdas.observability import logger
from lambdas.services.publish_metrics import MetricPublisher, PublishReport
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing
from lambdas.wiring.publishing import dimension_namer, metric_publishing
from lambdas.wiring.publishing_settings import PublishingSettings

STARTED = datetime.now(UTC)
"""When this process began: one before it may have tried older changes, at other prices."""
_MAX_LOGGED_CALLS = 50  # of a batch of a thousand
_LONGEST_FIRST_TRY = timedelta(minutes=5)  # with the 30 seconds in which changes are gathered


class BatchOutcome(NamedTuple):
    """The outcome of a batch.

    Attributes:
        health: The health metrics.
        first_unsent: The number of the first record that is to come again; `None` if all were sent.
    """

    health: Mapping[HealthMetric, float]
    first_unsent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPublisher:
    """Publishes batches of the ledger's stream, at the prices in force.

    Attributes:
        publisher: Publishes changes of the ledger.
        pricing: The prices in force.
        deployed_at: The time when this deployment began. Changes from before were published by
            another one.
        retention: How long the ledger keeps a call.
    """

    publisher: MetricPublisher
    pricing: CurrentPricing
    deployed_at: datetime
    retention: timedelta

    def publish(
        self, batch: Sequence[StreamRecord], now: datetime, has_time: Callable[[], bool]
    ) -> BatchOutcome:
        """Publish what is new in a batch, up to the first chunk that cannot be sent."""
        records = [
            record
            for record in batch
            if changed_at(record) >= self.deployed_at and not is_expired(record)
        ]
        books = self.publisher.books.at_prices(self.pricing.get_published(now))
        other_prices_until = max(STARTED, self.pricing.agreed_since, now - _LONGEST_FIRST_TRY)
        report = replace(self.publisher, books=books).publish(
            [read_change(record, self.retention) for record in records],
            now,
            has_time=has_time,
            is_retried=any(changed_at(record) <= other_prices_until for record in records),
        )
        _log_calls(report)
        if report.first_unsent is None:
            return BatchOutcome(_get_health(report, now), None)
        logger.warning(
            "A part of the batch was not published and comes again",
            published=report.published,
            left=len(records) - report.first_unsent,
            reason=report.reason,
        )
        first_unsent = sequence_number(records[report.first_unsent])
        return BatchOutcome(_get_health(report, now), first_unsent)


def make_publisher(
    settings: PublishingSettings, *, stack_id: str, retention_days: int
) -> StreamPublisher:
    """Make a publisher that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return StreamPublisher(
        publisher=MetricPublisher(
            books=call_books(settings, dynamodb),
            namer=dimension_namer(settings, dynamodb),
            publishing=metric_publishing(settings),
            unpriced=DynamoDbUnpricedNotes(dynamodb, settings.state_table),
        ),
        pricing=CurrentPricing(settings),
        deployed_at=created_at(boto3.client("cloudformation", config=PROMPT), stack_id),
        retention=timedelta(days=retention_days),
    )


def _get_health(report: PublishReport, now: datetime) -> Mapping[HealthMetric, float]:
    health: dict[HealthMetric, float] = {
        CONFLICTING_DUPLICATES: len(report.conflicting),
        TAMPERED_CALLS: len(report.tampered),
        UNPUBLISHED_RECORDS: report.unpublished,
        OVERFLOWING_CALLS: report.overflowing,
    }
    if report.oldest is not None:
        health[METERING_DELAY] = max(0.0, (now - report.oldest).total_seconds())
    return health


def _log_calls(report: PublishReport) -> None:
    """Name the calls whose readings disagree, and those that something else changed."""
    for change in report.conflicting[:_MAX_LOGGED_CALLS]:
        logger.warning("Readings of a call disagree", **_describe(change.record))
    for call in report.tampered[:_MAX_LOGGED_CALLS]:
        described = _describe(call.record) if call.record else {}
        logger.warning(
            "Something other than the meter changed the ledger",
            tampering=call.tampering,
            **described,
        )


def _describe(record: UsageRecord) -> dict[str, Any]:
    """A call with every caller and model that its readings report."""
    conflicts = record.conflicts or Conflicts()
    return {
        "request_id": record.request_id,
        "called_at": record.timestamp.isoformat(),
        "callers": conflicts.identity_arns or (record.identity_arn,),
        "models": sorted({variant.model_id for variant in conflicts.variants})
        or (record.model_id,),
    }
