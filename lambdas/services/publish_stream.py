"""Publishes batches of the ledger's stream, and reports calls that need a second look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from lambdas.domain.calls import CallBooks, CurrentBooks
from lambdas.domain.invocations import Conflicts, UsageRecord
from lambdas.domain.ledger import LedgerChange, StreamedChange, StreamRecord, TamperedCall
from lambdas.domain.metrics import PublishReport
from lambdas.domain.metrics.catalog import HealthMetric
from lambdas.observability import logger

MAX_FIRST_TRY = timedelta(minutes=5)
"""The time until a change is tried first, with the 30 seconds in which changes are collected."""
_MAX_LOGGED_CALLS = 50  # of a batch of a thousand


class ChangePublisher(Protocol):
    """Publishes changes of the ledger."""

    def publish(
        self,
        changes: Sequence[LedgerChange | TamperedCall],
        now: datetime,
        has_time: Callable[[], bool],
        *,
        is_retried: bool,
    ) -> PublishReport:
        """Publish changes, each once, up to the first chunk that cannot be sent."""


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
        read: Reads the changes of a batch.
        books: The books that enrich calls at the prices in force.
        make_publisher: Makes a publisher that takes the books of a batch.
        deployed_at: The time when this deployment began. Changes from before were published by
            another one.
        started_at: The time when this process began: one before it may have tried older changes,
            at other prices.
    """

    read: Callable[[Sequence[StreamRecord]], Sequence[StreamedChange]]
    books: CurrentBooks
    make_publisher: Callable[[CallBooks], ChangePublisher]
    deployed_at: datetime
    started_at: datetime

    def publish(
        self, batch: Sequence[StreamRecord], now: datetime, has_time: Callable[[], bool]
    ) -> BatchOutcome:
        """Publish what is new in a batch, up to the first chunk that cannot be sent."""
        entries = [entry for entry in self.read(batch) if entry.changed_at >= self.deployed_at]
        publisher = self.make_publisher(self.books.get_published(now))
        other_prices_until = max(
            self.started_at, self.books.pricing.contracted_since, now - MAX_FIRST_TRY
        )
        report = publisher.publish(
            [entry.change for entry in entries],
            now,
            has_time,
            is_retried=any(entry.changed_at <= other_prices_until for entry in entries),
        )
        _log_calls(report)
        if report.first_unsent is None:
            return BatchOutcome(report.get_health(now), None)
        logger.warning(
            "A part of the batch was not published and comes again",
            published=report.published,
            left=len(entries) - report.first_unsent,
            reason=report.reason,
        )
        return BatchOutcome(report.get_health(now), entries[report.first_unsent].number)


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
