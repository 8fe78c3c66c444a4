"""Publishes the cost of calls that had no price when they were published, once there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from lambdas.domain.calls import CallBooks, CurrentBooks, EnrichedCall
from lambdas.domain.ledger import (
    MIN_GROUP_AGE,
    RepricedModel,
    RepriceReport,
    UnpricedCalls,
    WaitingGroup,
)
from lambdas.domain.metrics import (
    NO_TIME,
    DimensionNamer,
    MeteredCall,
    MetricPublishing,
    PublishingStop,
    get_metric_time,
)
from lambdas.domain.metrics.catalog import ASSUMED_PRICE_INVOCATIONS, ESTIMATED_COST
from lambdas.domain.pricing import Cost


@dataclass(frozen=True, slots=True)
class CallRepricer:
    """Publishes missing cost, and marks each chunk of calls as priced.

    Calls are looked for only where the sample of their group has a price now. A chunk is marked
    after it was published: a run that is cut off in between publishes it again. Cost errs upwards,
    since it guards budgets.

    Attributes:
        books: The books that enrich calls at the prices in force.
        namer: Names the dimensions of calls, within the limits of a month.
        publishing: Sends calls.
        unpriced: The notes of calls that wait for a price.
    """

    books: CurrentBooks
    namer: DimensionNamer
    publishing: MetricPublishing
    unpriced: UnpricedCalls

    def reprice(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> RepriceReport:
        """Publish the cost of calls that have a price now.

        Args:
            now: The time, against which CloudWatch compares that of a call.
            has_time: Asked before each group and each chunk.
        """
        if not self.unpriced.acquire_lock(now):
            return RepriceReport(reason="another run is in progress", is_other_run=True)
        try:
            return self._run(now, has_time)
        finally:
            self.unpriced.release_lock()

    def _run(self, now: datetime, has_time: Callable[[], bool]) -> RepriceReport:
        books, progress = self.books.get(), _Progress()
        stop = None
        for group in self._get_priced_groups(books, now, progress):
            stop = self._publish_group(group, books, now, has_time, progress)
            if stop:
                break
        return progress.report(stop)

    def _get_priced_groups(
        self, books: CallBooks, now: datetime, progress: _Progress
    ) -> Sequence[WaitingGroup]:
        groups = self.unpriced.get_groups()
        samples = books.enrich([group.sample for group in groups], now)
        priced = []
        for group, sample in zip(groups, samples, strict=True):
            if isinstance(sample.cost, Cost):
                priced.append(group)
            else:
                progress.add_waiting(sample)
        return priced

    def _publish_group(
        self,
        group: WaitingGroup,
        books: CallBooks,
        now: datetime,
        has_time: Callable[[], bool],
        progress: _Progress,
    ) -> PublishingStop | None:
        """Publish the cost of a group's calls; returns why the rest waits for another run."""
        if not has_time():
            return NO_TIME
        is_empty = True
        for records in self.unpriced.scan_group(group):
            if not has_time():
                return NO_TIME
            is_empty = is_empty and not records
            priced = []
            for call in books.enrich(records, now):
                if isinstance(call.cost, Cost):
                    priced.append(call)
                else:
                    progress.add_waiting(call)
            metered = self._meter(priced, now, progress)
            if stop := self._publish(metered, has_time, progress):
                return stop
        if is_empty:
            self.unpriced.delete_group(group, written_before=now - MIN_GROUP_AGE)
        return None

    def _meter(
        self, calls: Sequence[EnrichedCall], now: datetime, progress: _Progress
    ) -> list[MeteredCall]:
        """Name the dimensions of calls; those too old for CloudWatch are only marked as priced."""
        metered, old = [], []
        for call in calls:
            time = get_metric_time(call.record, now)
            if time is None:
                old.append(call.record)
            else:
                metered.append(self.namer.meter(call, time))
        self.unpriced.mark_priced(old)
        progress.too_old += len(old)
        return metered

    def _publish(
        self,
        metered: Sequence[MeteredCall],
        has_time: Callable[[], bool],
        progress: _Progress,
    ) -> PublishingStop | None:
        done = 0

        def mark(published: int) -> None:
            nonlocal done
            calls = [metered_call.call for metered_call in metered[done:published]]
            self.unpriced.mark_priced(
                [call.record for call in calls],
                {
                    call.record.key: call.cost.effective_usd
                    for call in calls
                    if isinstance(call.cost, Cost)
                },
            )
            for call in calls:
                progress.add_published(call)
            done = published

        cost_metrics = (ESTIMATED_COST, ASSUMED_PRICE_INVOCATIONS)
        return self.publishing.publish(
            metered, has_time, metrics=cost_metrics, after_chunk=mark
        ).stop


@dataclass(slots=True)
class _Progress:
    """The counts of a run so far."""

    by_model: dict[str, RepricedModel] = field(default_factory=dict)
    waiting: dict[str, date] = field(default_factory=dict)
    too_old: int = 0

    def add_published(self, call: EnrichedCall) -> None:
        cost = call.cost
        if not isinstance(cost, Cost):
            return
        model_id = call.models.own.model_id
        before = self.by_model.get(model_id, RepricedModel(0, Decimal(0), ()))
        self.by_model[model_id] = RepricedModel(
            calls=before.calls + 1,
            usd=before.usd + cost.effective_usd,
            prices=tuple(sorted({*before.prices, _describe_price(cost)})),
        )

    def add_waiting(self, call: EnrichedCall) -> None:
        tier, day = call.record.service_tier, call.record.timestamp.date()
        name = f"{call.model_id} ({tier})" if tier else call.model_id
        self.waiting[name] = min(day, self.waiting.get(name, day))

    def report(self, stop: PublishingStop | None) -> RepriceReport:
        by_model = dict(sorted(self.by_model.items()))
        if stop is None:
            return RepriceReport(by_model, self.too_old, self.waiting)
        return RepriceReport(by_model, self.too_old, self.waiting, *stop)


def _describe_price(cost: Cost) -> str:
    if cost.contracted is not None:
        return f"contracted, from {cost.contracted.effective_from}"
    if cost.price is None:
        return "no tokens"
    if cost.price.effective_from is None:
        return f"{cost.price.source}, as long as it is known"
    return f"{cost.price.source}, from {cost.price.effective_from}"
