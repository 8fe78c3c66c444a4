"""A run publishes missing costs, then corrections of superseded prices."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from lambdas.domain.ledger.cost_corrections import CorrectionReport
from lambdas.domain.ledger.unpriced_calls import RepricedModel, RepriceReport
from lambdas.domain.metrics.catalog import REPRICED_CALLS, WAITING_MODELS
from lambdas.domain.pricing.current_book import CurrentBook
from lambdas.domain.pricing.current_pricing import CurrentPricing
from lambdas.domain.pricing.editions import Edition, PriceUpdates
from lambdas.services.refresh_costs import CostRefresher, RefreshReport
from tests.builders import HAIKU_3, NOON, PRICES, PRICING
from tests.fakes import InMemoryPriceEditions

EDITION = Edition(
    id="20260901T061500Z-00000001", published_at=NOON, first_day=date(2026, 9, 1), changes=()
)
MODELS = {HAIKU_3: RepricedModel(3, Decimal(1), ())}


class InMemoryRuns:
    """Both kinds of work, which report their arguments."""

    def __init__(self, repriced: RepriceReport, published: int = 0) -> None:
        self.repriced = repriced
        self.corrected = CorrectionReport(published=published)
        self.editions: list[Edition] = []
        self.asked: list[tuple[datetime, bool]] = []

    def reprice(self, now: datetime, has_time: Callable[[], bool]) -> RepriceReport:
        self.asked.append((now, has_time()))
        return self.repriced

    def correct(
        self, edition: Edition, now: datetime, has_time: Callable[[], bool]
    ) -> CorrectionReport:
        self.asked.append((now, has_time()))
        self.editions.append(edition)
        return self.corrected


def refresh(runs: InMemoryRuns, pricing: CurrentPricing) -> RefreshReport:
    report = CostRefresher(runs, runs, pricing).refresh(NOON, lambda: True)
    assert set(runs.asked) == {(NOON, True)}
    return report


def with_an_edition() -> CurrentPricing:
    editions = InMemoryPriceEditions()
    editions.write_edition(EDITION)
    editions.publish(PriceUpdates(edition=EDITION.id), None)
    return CurrentPricing(PRICING, CurrentBook(PRICES, editions, lambda: 0.0, lambda _: None))


def test_shipped_prices_alone_supersede_nothing() -> None:
    runs = InMemoryRuns(RepriceReport(MODELS), published=2)
    report = refresh(runs, CurrentPricing(PRICING))
    assert runs.editions == []
    assert report.health == {REPRICED_CALLS: 3, WAITING_MODELS: 0}


def test_differences_use_the_edition_in_force() -> None:
    runs = InMemoryRuns(RepriceReport(MODELS, waiting={"private": NOON.date()}), published=2)
    report = refresh(runs, with_an_edition())
    assert runs.editions == [EDITION]
    assert report.health == {REPRICED_CALLS: 5, WAITING_MODELS: 1}
    assert not report.is_idle


def test_a_run_blocked_by_another_reports_no_waiting_models() -> None:
    runs = InMemoryRuns(RepriceReport(reason="another run is in progress", is_other_run=True))
    report = refresh(runs, with_an_edition())
    assert report.health == {REPRICED_CALLS: 0}
    assert not report.is_idle


def test_a_run_without_work_is_idle() -> None:
    assert refresh(InMemoryRuns(RepriceReport()), with_an_edition()).is_idle
