"""The refresher of `price_refresher`, over DynamoDB, CloudWatch and the prices in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import boto3

from lambdas.adapters.dynamodb.cost_corrections import DynamoDbCostCorrections
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls
from lambdas.domain.metrics.catalog import REPRICED_CALLS, WAITING_MODELS, HealthMetric
from lambdas.services.correct_costs import CorrectionReport, CostCorrector
from lambdas.services.reprice_calls import CallRepricer, RepriceReport
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing
from lambdas.wiring.publishing import dimension_namer, metric_publishing
from lambdas.wiring.publishing_settings import PublishingSettings


class RefreshReport(NamedTuple):
    """The outcome of a run.

    Attributes:
        repriced: What became of calls without a price.
        corrected: What became of calls at superseded prices.
    """

    repriced: RepriceReport
    corrected: CorrectionReport

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do, and nothing waits."""
        repriced, corrected = self
        reason = repriced.reason or corrected.reason
        return not (repriced.by_model or repriced.waiting or corrected.published or reason)

    @property
    def health(self) -> Mapping[HealthMetric, float]:
        """The health metrics. A run that another one keeps from working knows no waiting models."""
        calls = sum(model.calls for model in self.repriced.by_model.values())
        health: dict[HealthMetric, float] = {REPRICED_CALLS: calls + self.corrected.published}
        if not self.repriced.is_other_run:
            health[WAITING_MODELS] = len(self.repriced.waiting)
        return health


@dataclass(frozen=True, slots=True)
class CostRefresher:
    """Publishes missing cost, and differences to superseded prices, at the prices in force."""

    repricer: CallRepricer
    corrector: CostCorrector
    pricing: CurrentPricing

    def refresh(self, now: datetime, has_time: Callable[[], bool]) -> RefreshReport:
        """Publish what can be published in the time that is left."""
        books = self.repricer.books.at_prices(self.pricing.get())
        repriced = replace(self.repricer, books=books).reprice(now, has_time)
        edition = self.pricing.edition
        if edition is None:
            return RefreshReport(repriced, CorrectionReport())
        return RefreshReport(repriced, self.corrector.correct(edition, now, has_time))


def make_refresher(settings: PublishingSettings, *, ledger_table: str) -> CostRefresher:
    """Make a refresher that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    repricer = CallRepricer(
        books=call_books(settings, dynamodb),
        namer=dimension_namer(settings, dynamodb),
        publishing=metric_publishing(settings),
        unpriced=DynamoDbUnpricedCalls(dynamodb, settings.state_table, ledger_table),
    )
    corrector = CostCorrector(
        books=repricer.books,
        namer=repricer.namer,
        publishing=repricer.publishing,
        pricing=settings.pricing,
        shipped=settings.pricing.book,
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        corrections=DynamoDbCostCorrections(dynamodb, settings.state_table),
        lock=repricer.unpriced,
    )
    return CostRefresher(repricer, corrector, CurrentPricing(settings))
