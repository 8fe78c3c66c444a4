"""Publishes missing cost: of calls without a price, and of calls at superseded prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.ledger import CorrectionReport, RepriceReport
from lambdas.domain.metrics.catalog import REPRICED_CALLS, WAITING_MODELS, HealthMetric
from lambdas.domain.pricing.current_pricing import CurrentPricing
from lambdas.domain.pricing.editions import Edition


class Repricer(Protocol):
    """Publishes the cost of calls that had no price."""

    def reprice(self, now: datetime, has_time: Callable[[], bool]) -> RepriceReport:
        """Publish the cost of calls that have a price now."""


class Corrector(Protocol):
    """Publishes the differences that superseded prices make."""

    def correct(
        self, edition: Edition, now: datetime, has_time: Callable[[], bool]
    ) -> CorrectionReport:
        """Publish what calls cost more than at the prices that an edition supersedes."""


class RefreshReport(NamedTuple):
    """The outcome of a run.

    Attributes:
        repriced: The outcome for calls without a price.
        corrected: The outcome for calls at superseded prices.
    """

    repriced: RepriceReport
    corrected: CorrectionReport

    @property
    def is_idle(self) -> bool:
        """Say if there was nothing to do, and nothing waits."""
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
    """Publishes missing cost, then differences to superseded prices.

    Attributes:
        repricer: Publishes the cost of calls that had no price.
        corrector: Publishes differences.
        pricing: The prices in force, which both take.
    """

    repricer: Repricer
    corrector: Corrector
    pricing: CurrentPricing

    def refresh(self, now: datetime, has_time: Callable[[], bool]) -> RefreshReport:
        """Publish what can be published in the time that is left."""
        self.pricing.get()  # reads the edition in force
        repriced = self.repricer.reprice(now, has_time)
        edition = self.pricing.edition
        if edition is None:
            return RefreshReport(repriced, CorrectionReport())
        return RefreshReport(repriced, self.corrector.correct(edition, now, has_time))
