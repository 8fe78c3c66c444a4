"""Compares models on observed traffic, call by call, into one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.calls import CallEnricher
from lambdas.domain.metrics.project_limit import OTHER_PROJECTS
from lambdas.domain.pricing import Cost, Pricing, Unpriced, UsdPerMillion
from lambdas.domain.reports.comparison.cache_writes import CacheWrites
from lambdas.domain.reports.comparison.calls import ObservedCall, PricedTerms
from lambdas.domain.reports.comparison.candidates import Candidates, ModelCost
from lambdas.domain.reports.comparison.losses import LossBook, LossFigures, LossKey
from lambdas.domain.reports.comparison.requests import Requests
from lambdas.domain.reports.comparison.throttling import Throttling
from lambdas.domain.reports.comparison.traffic import (
    PriceSteps,
    Purpose,
    Terms,
    TrafficMix,
    comparable_cost,
    purpose_of,
)

MOST_PROJECTS = 200
"""How many projects, the most costly ones, a report tells apart: each is some 25 KB of JSON."""
MOST_OBSERVED_PROJECTS = 5_000
"""How many projects are told apart while calls come in, some 10 KB of memory each."""


class Unknown(NamedTuple):
    """Calls that cannot be compared.

    Attributes:
        model_id: What was called.
        reason: Why they have no cost.
    """

    model_id: str
    reason: Unpriced


class TrafficComparison(NamedTuple):
    """Traffic of one purpose, and what it would have cost elsewhere.

    Attributes:
        purpose: What its models are for.
        mix: What it was made of.
        costs: What it costs on each model, the cheapest first; those in use are among them.
        unlisted_models: Models of the purpose without a listed price where it ran.
    """

    purpose: Purpose
    mix: TrafficMix
    costs: tuple[ModelCost, ...]
    unlisted_models: int


class ProjectComparison(NamedTuple):
    """What is known of a project.

    Attributes:
        project: Its name; `OTHER_PROJECTS` for all past a bound, `None` for all of them together.
        traffic: Its calls with a cost, by purpose.
        failed_calls: Its failed calls, which have none.
        unpriced: How many of its calls have no known cost.
    """

    project: str | None
    traffic: tuple[TrafficComparison, ...]
    failed_calls: int
    unpriced: Mapping[Unknown, int]


class Coverage(NamedTuple):
    """What a report is about.

    Attributes:
        start: From when on, UTC; `None` where there is nothing.
        end: Until when.
        calls: Calls, each once.
        outlined_calls: Those whose request was looked at: where content is logged.
    """

    start: datetime | None
    end: datetime | None
    calls: int
    outlined_calls: int


class ComparisonReport(NamedTuple):
    """What the same traffic would cost on other models, and where money is lost.

    Attributes:
        coverage: What it is about.
        account: All projects together.
        projects: Each, the most costly first; at the end, as one, what is past `MOST_PROJECTS`.
        losses: What is lost, the most first.
    """

    coverage: Coverage
    account: ProjectComparison
    projects: tuple[ProjectComparison, ...]
    losses: tuple[tuple[LossKey, LossFigures], ...]


@dataclass(slots=True)
class _Project:
    mixes: dict[Purpose, TrafficMix] = field(default_factory=dict)
    failed_calls: int = 0
    unpriced: Counter[Unknown] = field(default_factory=Counter)

    @property
    def usd(self) -> Decimal:
        return sum((mix.usd for mix in self.mixes.values()), Decimal(0))

    def include(self, other: _Project) -> None:
        for purpose, mix in other.mixes.items():
            self.mixes.setdefault(purpose, TrafficMix()).include(mix)
        self.failed_calls += other.failed_calls
        self.unpriced.update(other.unpriced)


class TrafficObserver:
    """Takes in calls, each once and in order of time, and reports.

    Memory grows with models and steps of prices; beside that it has bounds of its own.
    """

    def __init__(self, pricing: Pricing) -> None:
        """Observe nothing yet."""
        self._pricing = pricing
        self._enricher = CallEnricher(pricing)
        self._steps = PriceSteps(pricing)
        self._rates: dict[tuple[str, Terms], UsdPerMillion] = {}
        self._projects: dict[str, _Project] = {}
        self._names = {UNATTRIBUTED: UNATTRIBUTED}
        self._losses = LossBook({})
        self._cache_writes = CacheWrites(self._losses)
        self._others = (Throttling(self._losses), Requests(self._losses))
        self._start: datetime | None = None
        self._last: datetime | None = None
        self._calls = self._outlined_calls = 0

    def name_of(self, project: str) -> str:
        """What a project is called while calls come in: the newest ones past a bound are one.

        Equal names are given back as one text, so that who keeps them keeps it once.
        """
        if project not in self._names and len(self._names) >= MOST_OBSERVED_PROJECTS:
            return OTHER_PROJECTS
        return self._names.setdefault(project, project)

    def observe(self, call: ObservedCall) -> None:
        """Take in a call."""
        record = call.record
        cost, guardrail_usd = comparable_cost(self._enricher.price_attempt(record, call.models))
        variant = (cost.variant if isinstance(cost, Cost) else None) or call.models.own
        call = call._replace(project=self.name_of(call.project))
        self._start = self._start or record.timestamp
        self._last = record.timestamp
        self._calls += 1
        self._outlined_calls += call.outline is not None
        terms = self._steps.get_terms(record, variant)
        rates = self._rates_of(variant.model_id, terms)
        priced = PricedTerms(variant.model_id, terms, rates, cost, guardrail_usd)
        self._put_down(call, priced)
        for observer in (*self._others, self._cache_writes):
            observer.observe(call, priced)

    def report(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> ComparisonReport:
        """Report, once, on all that was observed.

        Args:
            start: From when on everything was observed; the first call, where nobody knows better.
            end: Until when; the last call, where nobody knows better.
        """
        end = end or self._last
        if end is not None:
            self._cache_writes.finish(end)
        account = _together(self._projects.values())
        others = self._projects.pop(OTHER_PROJECTS, None)
        ranked = sorted(self._projects.items(), key=lambda item: (-item[1].usd, item[0]))
        told = dict(ranked[:MOST_PROJECTS])
        past = [*([others] if others else ()), *(it for _, it in ranked[MOST_PROJECTS:])]
        if past:
            told[OTHER_PROJECTS] = _together(past)
        candidates = Candidates(self._pricing)
        return ComparisonReport(
            Coverage(start or self._start, end, self._calls, self._outlined_calls),
            _compare(None, account, candidates),
            tuple(_compare(name, it, candidates) for name, it in told.items()),
            tuple(self._losses.told_of(told, OTHER_PROJECTS).ranked()),
        )

    def _put_down(self, call: ObservedCall, priced: PricedTerms) -> None:
        project = self._projects.setdefault(call.project, _Project())
        record, cost = call.record, priced.cost
        if record.is_failed:
            project.failed_calls += 1
        elif isinstance(cost, Cost):
            mix = project.mixes.setdefault(purpose_of(priced.rates), TrafficMix())
            mix.add(priced.model_id, record.tokens, cost, priced.terms)
            mix.guardrail_usd += priced.guardrail_usd
        elif isinstance(cost, Unpriced):
            project.unpriced[Unknown(priced.model_id, cost)] += 1

    def _rates_of(self, model_id: str, terms: Terms) -> UsdPerMillion:
        rates = self._rates.get((model_id, terms))
        if rates is None:
            rates = self._pricing.rates_in(
                model_id, terms.ways[0], terms.day, terms.total_input_tokens, terms.service_tier
            )
            self._rates[model_id, terms] = rates
        return rates


def _together(projects: Iterable[_Project]) -> _Project:
    whole = _Project()
    for project in projects:
        whole.include(project)
    return whole


def _compare(name: str | None, project: _Project, candidates: Candidates) -> ProjectComparison:
    traffic = tuple(
        TrafficComparison(purpose, mix, *candidates.compare(purpose, mix))
        for purpose, mix in sorted(project.mixes.items())
    )
    return ProjectComparison(name, traffic, project.failed_calls, dict(project.unpriced))
