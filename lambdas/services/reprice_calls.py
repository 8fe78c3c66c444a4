"""Publishes the cost of calls that had no price when they were published, once there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from lambdas.domain.calls.attributed_calls import AttributedCall, AttributedCalls
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.unpriced_calls import MIN_GROUP_AGE, UnpricedCalls, WaitingGroup
from lambdas.domain.metrics.aggregation import IdentityDimension, NameModel, keep_model
from lambdas.domain.metrics.catalog import (
    ASSUMED_PRICE_INVOCATIONS,
    ESTIMATED_COST,
    Detail,
    MeteredCall,
)
from lambdas.domain.metrics.chunks import cut_into_chunks
from lambdas.domain.metrics.sink import MetricSink, MetricsUnavailableError, get_metric_time
from lambdas.domain.pricing import Cost, Pricing

_NO_TIME = "there is no time left"


@dataclass(frozen=True, slots=True)
class RepricedModel:
    """The calls of one model that got their cost.

    Attributes:
        calls: Calls whose cost was published.
        usd: Their cost, exactly.
        prices: The prices that were taken: their source, and from which day on they hold.
    """

    calls: int
    usd: Decimal
    prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepriceReport:
    """The result of a run.

    Attributes:
        by_model: The foundation models that have a price now.
        too_old: Calls that have a price, but that CloudWatch takes no metrics of any more; reports
            from the ledger have their cost.
        waiting: The models without a price, with the service tier, and the first day of the calls
            that wait for it.
        reason: The reason why it ended before all were done; `None` if it did not.
        is_refused: Whether CloudWatch refused the rest.
        is_other_run: Whether it did nothing because another run was at it.
    """

    by_model: Mapping[str, RepricedModel] = field(default_factory=dict)
    too_old: int = 0
    waiting: Mapping[str, date] = field(default_factory=dict)
    reason: str | None = None
    is_refused: bool = False
    is_other_run: bool = False


@dataclass(frozen=True, slots=True)
class RepriceCalls:
    """Publishes missing cost chunk by chunk, one call of `PutMetricData` each, and marks it.

    Calls are looked for only where the sample of their group has a price now. A chunk is marked
    after it was published: a run that is cut off in between publishes it again. Cost errs upwards,
    since it guards budgets.
    """

    sink: MetricSink
    detail: Detail
    identity_dimension: IdentityDimension
    pricing: Pricing
    unpriced: UnpricedCalls
    attribute: AttributedCalls
    name_model: NameModel = keep_model

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
        progress = _Progress()
        reason, is_refused = None, False
        try:
            for group in self._get_priced_groups(now, progress):
                if not self._publish_group(group, now, has_time, progress):
                    reason = _NO_TIME
                    break
        except MetricsUnavailableError as error:
            reason, is_refused = str(error), True
        return progress.report(reason, is_refused=is_refused)

    def _get_priced_groups(self, now: datetime, progress: _Progress) -> Sequence[WaitingGroup]:
        groups = self.unpriced.get_groups()
        known = self.attribute([group.sample for group in groups], now)
        priced = []
        for group in groups:
            sample = known[group.sample].priced
            if isinstance(self.pricing.cost_of(sample), Cost):
                priced.append(group)
            else:
                progress.add_waiting(sample)
        return priced

    def _publish_group(
        self,
        group: WaitingGroup,
        now: datetime,
        has_time: Callable[[], bool],
        progress: _Progress,
    ) -> bool:
        """Publish the cost of a group's calls; returns whether there was time for all.

        Raises:
            MetricsUnavailableError: The rest waits for another run.
        """
        if not has_time():
            return False
        is_empty = True
        for records in self.unpriced.scan_group(group):
            if not has_time():
                return False
            is_empty = is_empty and not records
            known = self.attribute(records, now)
            costs: dict[UsageRecord, Cost] = {}
            for record in records:
                cost = self.pricing.cost_of(known[record].priced)
                if isinstance(cost, Cost):
                    costs[record] = cost
                else:
                    progress.add_waiting(known[record].priced)
            times = {record: get_metric_time(record, now) for record in costs}
            old = [record for record, time in times.items() if time is None]
            self.unpriced.mark_priced(old)
            progress.too_old += len(old)
            fresh = {record: time for record, time in times.items() if time is not None}
            if not self._publish(fresh, costs, known, has_time, progress):
                return False
        if is_empty:
            self.unpriced.delete_group(group, written_before=now - MIN_GROUP_AGE)
        return True

    def _publish(
        self,
        times: Mapping[UsageRecord, datetime],
        costs: Mapping[UsageRecord, Cost],
        known: Mapping[UsageRecord, AttributedCall],
        has_time: Callable[[], bool],
        progress: _Progress,
    ) -> bool:
        records, done = list(times), 0

        def meter(record: UsageRecord) -> MeteredCall:
            priced = known[record].priced._replace(timestamp=times[record])
            call = MeteredCall(priced, costs[record], known[record].attribution)
            return self.name_model(call, self.identity_dimension(priced))

        for chunk in cut_into_chunks(
            records,
            detail=self.detail,
            identity_dimension=self.identity_dimension,
            metered=meter,
            metrics=(ESTIMATED_COST, ASSUMED_PRICE_INVOCATIONS),
        ):
            if not has_time():
                return False
            self.sink.put(chunk.data_points)
            published = records[done : done + chunk.size]
            self.unpriced.mark_priced(published)
            for record in published:
                progress.add_published(known[record].priced.model_id, costs[record])
            done += chunk.size
        return True


@dataclass(slots=True)
class _Progress:
    """The counts of a run so far."""

    by_model: dict[str, RepricedModel] = field(default_factory=dict)
    waiting: dict[str, date] = field(default_factory=dict)
    too_old: int = 0

    def add_published(self, model_id: str, cost: Cost) -> None:
        before = self.by_model.get(model_id, RepricedModel(0, Decimal(0), ()))
        self.by_model[model_id] = RepricedModel(
            calls=before.calls + 1,
            usd=before.usd + cost.effective_usd,
            prices=tuple(sorted({*before.prices, _describe_price(cost)})),
        )

    def add_waiting(self, record: UsageRecord) -> None:
        tier, day = record.service_tier, record.timestamp.date()
        name = f"{record.model_id} ({tier})" if tier else record.model_id
        self.waiting[name] = min(day, self.waiting.get(name, day))

    def report(self, reason: str | None, *, is_refused: bool) -> RepriceReport:
        by_model = dict(sorted(self.by_model.items()))
        return RepriceReport(by_model, self.too_old, self.waiting, reason, is_refused)


def _describe_price(cost: Cost) -> str:
    if cost.negotiated is not None:
        return f"negotiated, from {cost.negotiated.effective_from}"
    if cost.price is None:
        return "no tokens"
    if cost.price.effective_from is None:
        return f"{cost.price.source}, as long as it is known"
    return f"{cost.price.source}, from {cost.price.effective_from}"
