"""Publishes the cost of calls that had no price when they were published, once there is one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.metering.aggregation import IdentityDimension
from lambdas.domain.metering.attributed_calls import AttributedCall, AttributedCalls
from lambdas.domain.metering.chunks import cut_into_chunks
from lambdas.domain.metering.metric_catalog import ESTIMATED_COST, Detail, MeteredCall
from lambdas.domain.metering.metric_sink import MetricSink, MetricsUnavailableError, is_taken
from lambdas.domain.metering.unpriced_calls import UnpricedCalls
from lambdas.domain.pricing import Cost, Pricing

_NO_TIME = "there is no time left"


@dataclass(frozen=True, slots=True)
class RepricedModel:
    """What became of the calls of one model that had a price now.

    Attributes:
        calls: Whose cost was published.
        usd: What they cost, exactly.
        prices: Which prices were taken: who told them, and from which day on they hold.
    """

    calls: int
    usd: Decimal
    prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepriceReport:
    """What became of the calls that waited for a price.

    Attributes:
        by_model: The foundation models that have a price now.
        too_old: Calls that have a price, but that CloudWatch takes no metrics of any more; reports
            from the ledger have their cost.
        waiting: Calls without a price still, by the model that has none, and the service tier.
        reason: Why it ended before all were done; `None` if it did not.
        is_refused: Whether that is because CloudWatch did not take them.
    """

    by_model: Mapping[str, RepricedModel]
    too_old: int
    waiting: Mapping[str, int]
    reason: str | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class RepriceCalls:
    """Publishes missing cost chunk by chunk, one call of `PutMetricData` each, and settles it.

    A chunk is settled after it was published: if that is cut off in the middle, it is published
    again. Cost errs upwards, since it guards budgets.
    """

    sink: MetricSink
    detail: Detail
    identity_dimension: IdentityDimension
    pricing: Pricing
    unpriced: UnpricedCalls
    attribute: AttributedCalls

    def __call__(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> RepriceReport:
        """Publish what has a price now.

        Args:
            now: The time, against which CloudWatch compares that of a call.
            has_time: Asked before each chunk.
        """
        if not self.unpriced.begin(now):
            return RepriceReport({}, 0, {}, "another run is at it")
        try:
            return self._run(now, has_time)
        finally:
            self.unpriced.end()

    def _run(self, now: datetime, has_time: Callable[[], bool]) -> RepriceReport:
        published: defaultdict[str, list[Cost]] = defaultdict(list)
        waiting: Counter[str] = Counter()
        too_old, reason, is_refused = 0, None, False

        def may_have_a_price(model_id: str) -> bool:
            """Whether its calls are worth reading; a profile may hide a model that has one."""
            if model_id.startswith(APPLICATION_PROFILE) or self.pricing.knows(model_id):
                return True
            waiting[model_id] += 1
            return False

        for records in self.unpriced.waiting(may_have_a_price):
            if not has_time():
                reason = _NO_TIME
                break
            known = self.attribute(records, now)
            costs = {record: self.pricing.cost_of(known[record].priced) for record in records}
            priced = {it: cost for it, cost in costs.items() if isinstance(cost, Cost)}
            waiting.update(_unpriced(known[it].priced) for it in records if it not in priced)
            old = [it for it in priced if not is_taken(it.timestamp, now)]
            self.unpriced.settle(old)
            too_old += len(old)
            fresh = [it for it in priced if is_taken(it.timestamp, now)]
            try:
                is_done = self._publish(fresh, priced, known, published, has_time)
            except MetricsUnavailableError as error:
                reason, is_refused = str(error), True
                break
            if not is_done:
                reason = _NO_TIME
                break
        by_model = {model_id: _repriced(costs) for model_id, costs in sorted(published.items())}
        return RepriceReport(by_model, too_old, dict(waiting), reason, is_refused)

    def _publish(
        self,
        records: Sequence[UsageRecord],
        costs: Mapping[UsageRecord, Cost],
        known: Mapping[UsageRecord, AttributedCall],
        published: defaultdict[str, list[Cost]],
        has_time: Callable[[], bool],
    ) -> bool:
        """Publish the cost of calls; tells whether there was time for all.

        Raises:
            MetricsUnavailableError: The rest waits for another run.
        """
        done = 0
        for chunk in cut_into_chunks(
            records,
            detail=self.detail,
            identity_dimension=self.identity_dimension,
            metered=lambda it: MeteredCall(it, costs[it], known[it].attribution),
            metrics=(ESTIMATED_COST,),
        ):
            if not has_time():
                return False
            self.sink.put(chunk.data_points)
            settled = records[done : done + chunk.size]
            self.unpriced.settle(settled)
            for record in settled:
                published[known[record].priced.model_id].append(costs[record])
            done += chunk.size
        return True


def _unpriced(record: UsageRecord) -> str:
    """What has no price: a model, or a service tier of it."""
    tier = record.service_tier
    return f"{record.model_id} ({tier})" if tier else record.model_id


def _repriced(costs: Sequence[Cost]) -> RepricedModel:
    return RepricedModel(
        calls=len(costs),
        usd=sum((it.effective_usd for it in costs), Decimal(0)),
        prices=tuple(sorted({_taken(it) for it in costs})),
    )


def _taken(cost: Cost) -> str:
    if cost.negotiated is not None:
        return f"negotiated, from {cost.negotiated.effective_from}"
    if cost.price is None or cost.price.effective_from is None:
        return f"{cost.price.source if cost.price else 'nobody'}, as long as it is known"
    return f"{cost.price.source}, from {cost.price.effective_from}"
