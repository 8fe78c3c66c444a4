"""Publishes new calls as CloudWatch metrics, in the order of the ledger's stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.aggregation import CostOf, IdentityDimension
from lambdas.domain.metering.attributed_calls import AttributedCalls
from lambdas.domain.metering.chunks import cut_into_chunks
from lambdas.domain.metering.ledger import LedgerChange
from lambdas.domain.metering.metric_catalog import Detail, MeteredCall
from lambdas.domain.metering.metric_sink import (
    MetricSink,
    MetricsUnavailableError,
    is_taken,
)
from lambdas.domain.metering.unpriced_calls import CallKey, UnpricedCalls
from lambdas.domain.pricing import CallCost, Unpriced
from lambdas.domain.pricing.cost import WAITING_FOR_A_PRICE


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What became of some changes of the ledger, up to the first that was not sent.

    Attributes:
        published: New calls whose data points were sent.
        unpublished: New calls too old or too far ahead for CloudWatch, which the ledger has all the
            same, and changes that could not be read.
        corrected: Calls whose readings disagree; metrics that were sent stay as they are.
        oldest: When the oldest of the published calls was made.
        first_unsent: The place of the first new call that was not sent, from 0; `None` if all
            were. It and all after it are to be published again.
        reason: Why it was not sent.
    """

    published: int = 0
    unpublished: int = 0
    corrected: int = 0
    oldest: datetime | None = None
    first_unsent: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PublishMetrics:
    """Publishes calls chunk by chunk, one call of `PutMetricData` each.

    A call without a price is noted before it is published. Noted afterwards, its cost would be lost
    where that fails, and its tokens would count twice where the batch is tried again. So an error
    of the notes fails the whole batch, which comes again: late, but exact. Batches without such
    calls, and without calls of application inference profiles, touch no note the first time.
    Lambda halves a failing batch each time, which lets the calls before such a call through; after
    hours it gives up, and stores the batch in the failure bucket. Alarms notify of each:
    `MetricPublisherErrors`, `StreamAge`, `UnpublishedBatches`.
    """

    sink: MetricSink
    detail: Detail
    identity_dimension: IdentityDimension
    cost_of: CostOf
    unpriced: UnpricedCalls
    attribute: AttributedCalls

    def __call__(
        self,
        changes: Sequence[LedgerChange | None],
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
        *,
        is_retried: bool = False,
    ) -> PublishReport:
        """Publish new calls, each once, up to the first chunk that cannot be sent.

        What decides on an identity may fail, and so may what notes calls without a price; both do
        so before anything is sent.

        Args:
            changes: What changed in the ledger; `None` where it could not be read.
            now: The time, against which CloudWatch compares that of a call.
            has_time: Asked before each chunk: whoever runs out of time in the middle of one would
                publish all of them again.
            is_retried: Whether they may have been tried before, at other prices. A call that was
                noted then gets its cost from its note alone. The model behind a profile may become
                known from one second to the next, so that calls of profiles are always taken as
                retried.
        """
        new = [
            (place, change.record)
            for place, change in enumerate(changes)
            if change is not None and change.replaced is None
        ]
        inside = [it for it in new if is_taken(it[1].timestamp, now)]
        records = [record for _, record in inside]
        dimensions = {record: self.identity_dimension(record) for record in records}
        known = self.attribute(records, now)
        tried = [it for it in records if is_retried or profile_arn(it.invoked_model_id)]
        noted = self.unpriced.get_noted(tried) if tried else frozenset[CallKey]()
        costs: dict[UsageRecord, CallCost] = {
            record: Unpriced.NO_PRICE if record.key in noted else self.cost_of(known[record].priced)
            for record in records
        }
        waiting = [it for it in records if costs[it] in WAITING_FOR_A_PRICE]
        self.unpriced.write([it for it in waiting if it.key not in noted], now)
        sent, reason = 0, None
        for chunk in cut_into_chunks(
            records,
            detail=self.detail,
            identity_dimension=dimensions.__getitem__,
            metered=lambda record: MeteredCall(record, costs[record], known[record].attribution),
        ):
            try:
                if not has_time():
                    reason = "there is no time left"
                    break
                self.sink.put(chunk.data_points)
            except MetricsUnavailableError as error:
                reason = str(error)
                break
            sent += chunk.size
        first_unsent = inside[sent][0] if sent < len(inside) else None
        done = changes[:first_unsent]
        return PublishReport(
            published=sent,
            unpublished=done.count(None) + sum(place < len(done) for place, _ in new) - sent,
            corrected=sum(change is not None and change.is_conflict for change in done),
            oldest=min((record.timestamp for record in records[:sent]), default=None),
            first_unsent=first_unsent,
            reason=reason,
        )
