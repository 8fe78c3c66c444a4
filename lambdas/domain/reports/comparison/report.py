"""Compares models on observed traffic, call by call, into one report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics import OTHER_PROJECTS
from lambdas.domain.pricing import Pricing, TokenKind, Unpriced
from lambdas.domain.reports.comparison.absent_options import (
    AbsenceReason,
    AbsentOption,
    explain_absence,
)
from lambdas.domain.reports.comparison.cache_writes import CacheWrites
from lambdas.domain.reports.comparison.calls import ObservedCall, PricedTerms
from lambdas.domain.reports.comparison.candidates import Candidates, ModelCost
from lambdas.domain.reports.comparison.comparable import shipped_windows
from lambdas.domain.reports.comparison.floor import apply_floor
from lambdas.domain.reports.comparison.lifecycle import shipped_legacy_models
from lambdas.domain.reports.comparison.options import OptionKind, SavingsOption, Workload
from lambdas.domain.reports.comparison.request_outline import RequestOutline
from lambdas.domain.reports.comparison.requests import Requests
from lambdas.domain.reports.comparison.throttling import Throttling
from lambdas.domain.reports.comparison.traffic import (
    ComparableCost,
    PriceSteps,
    Purpose,
    Terms,
    TrafficMix,
    get_purpose,
    read_comparable_cost,
)
from lambdas.domain.reports.comparison.waste import (
    WasteKey,
    WasteKind,
    WasteSummary,
    WasteTotals,
)

MAX_PROJECTS = 200
"""The number of projects in a report, the most costly ones: each is about 25 KB of JSON."""
MAX_OBSERVED_PROJECTS = 5_000
"""The number of projects to keep while calls come in, about 10 KB of memory each."""


DAYS_OF_A_MONTH = 30
"""The days of the month that amounts are scaled to."""
_ONE_DAY = Decimal(1)
_CACHE_KINDS = frozenset(TokenKind) - {TokenKind.INPUT, TokenKind.OUTPUT}


class Unknown(NamedTuple):
    """Calls that cannot be compared.

    Attributes:
        model_id: The model that was called.
        reason: The reason why they have no cost.
    """

    model_id: str
    reason: Unpriced


class TrafficComparison(NamedTuple):
    """Traffic of one purpose, and what it would have cost elsewhere.

    Attributes:
        purpose: The purpose of its models.
        mix: Its tokens and their cost.
        costs: Its cost on each model, the cheapest first; those in use are among them.
        unlisted_models: Models of the purpose without a listed price where it ran.
    """

    purpose: Purpose
    mix: TrafficMix
    costs: tuple[ModelCost, ...]
    unlisted_models: int


class ProjectComparison(NamedTuple):
    """The comparison of one project.

    Attributes:
        project: Its name; `OTHER_PROJECTS` for all past a bound, `None` for all of them together.
        traffic: Its calls with a cost, by purpose.
        failed_calls: Its failed calls, which have no cost.
        unpriced: The number of its calls without a known cost.
    """

    project: str | None
    traffic: tuple[TrafficComparison, ...]
    failed_calls: int
    unpriced: Mapping[Unknown, int]


class Coverage(NamedTuple):
    """The calls and the period that a report covers.

    Attributes:
        start: The start of the period, UTC; `None` without calls.
        end: Its end.
        calls: Calls, each once.
        outlined_calls: The calls whose request was read: where content is logged.
    """

    start: datetime | None
    end: datetime | None
    calls: int
    outlined_calls: int

    @property
    def days(self) -> Decimal:
        """The number of days, UTC, that the period is in.

        Logs with calls at noon on each of 28 days are of 28 days, not of the 27 between the calls.
        """
        if self.start is None or self.end is None:
            return _ONE_DAY
        last_moment = max(self.start, self.end - timedelta.resolution)  # the end is not in it
        return Decimal((last_moment.date() - self.start.date()).days) + _ONE_DAY

    def scale_to_month(self, usd: Decimal) -> Decimal:
        """Scale an amount of the period to 30 days."""
        return usd * DAYS_OF_A_MONTH / self.days


class ComparisonReport(NamedTuple):
    """The cost of the same traffic on other models, and savings opportunities.

    Attributes:
        coverage: The calls and the period that it covers.
        account: All projects together.
        projects: Each, the most costly first; at the end, as one, what is past `MAX_PROJECTS`.
        waste: The savings opportunities, the largest first.
        options: Options that make workloads cheaper, the largest saving first.
        absent_options: Kinds of options that workloads do not have, the most costly workload first.
    """

    coverage: Coverage
    account: ProjectComparison
    projects: tuple[ProjectComparison, ...]
    waste: tuple[tuple[WasteKey, WasteTotals], ...]
    options: tuple[SavingsOption, ...]
    absent_options: tuple[AbsentOption, ...]


@dataclass(slots=True)
class _Calls:
    """The calls of a project to one model."""

    mix: TrafficMix = field(default_factory=TrafficMix)
    standard_calls: int = 0
    largest_call_tokens: int = 0
    outlined_calls: int = 0

    def add(self, call: ObservedCall, cost: ComparableCost, *, is_outlined: bool) -> None:
        model_id, terms, _ = call.priced
        self.mix.add(model_id, call.tokens, cost, terms)
        self.standard_calls += terms.service_tier is None
        self.outlined_calls += is_outlined
        tokens = (call.tokens.total_input or 0) + (call.tokens.output or 0)
        self.largest_call_tokens = max(self.largest_call_tokens, tokens)

    def include(self, other: _Calls) -> None:
        self.mix.include(other.mix)
        self.standard_calls += other.standard_calls
        self.outlined_calls += other.outlined_calls
        self.largest_call_tokens = max(self.largest_call_tokens, other.largest_call_tokens)


@dataclass(slots=True)
class _Project:
    by_model: dict[tuple[Purpose, str], _Calls] = field(default_factory=dict)
    failed_calls: int = 0
    unpriced: Counter[Unknown] = field(default_factory=Counter)

    @property
    def usd(self) -> Decimal:
        return sum((calls.mix.usd for calls in self.by_model.values()), Decimal(0))

    @property
    def mixes(self) -> dict[Purpose, TrafficMix]:
        mixes = defaultdict[Purpose, TrafficMix](TrafficMix)
        for (purpose, _), calls in self.by_model.items():
            mixes[purpose].include(calls.mix)
        return mixes

    def include(self, other: _Project) -> None:
        for key, calls in other.by_model.items():
            self.by_model.setdefault(key, _Calls()).include(calls)
        self.failed_calls += other.failed_calls
        self.unpriced.update(other.unpriced)

    def workloads(self, name: str) -> Iterator[Workload]:
        for (purpose, model_id), calls in self.by_model.items():
            yield Workload(
                name,
                model_id,
                purpose,
                calls.mix,
                calls.standard_calls,
                calls.largest_call_tokens,
                calls.outlined_calls,
            )


class TrafficObserver:
    """Takes in calls, each once and in order of time, and reports.

    Memory grows with models and steps of prices; everything else is bounded.
    """

    def __init__(self, pricing: Pricing) -> None:
        """Start without calls."""
        self._pricing = pricing
        self._steps = PriceSteps(pricing)
        self._priced: dict[tuple[str, Terms], PricedTerms] = {}
        self._projects: dict[str, _Project] = {}
        self._names = {UNATTRIBUTED: UNATTRIBUTED}
        self._waste = WasteSummary({})
        self._cache_writes = CacheWrites(self._waste)
        self._throttling = Throttling(self._waste)
        self._requests = Requests(self._waste)
        self._start: datetime | None = None
        self._last: datetime | None = None
        self._calls = self._outlined_calls = 0

    def _name(self, project: str) -> str:
        """Name a project: those past a limit are one. Equal names are one text in memory."""
        if project not in self._names and len(self._names) >= MAX_OBSERVED_PROJECTS:
            return OTHER_PROJECTS
        return self._names.setdefault(project, project)

    def read(self, call: EnrichedCall) -> ObservedCall:
        """Read what the comparison needs of a call; calls come in any order.

        A failed call has the cost of a successful one here; see `CallEnricher.enrich_attempt`.
        """
        record, variant = call.record, call.priced_as
        return ObservedCall(
            *record.key,
            record.timestamp,
            record.identity_arn,
            record.tokens,
            record.error_code,
            self._name(call.attribution.project),
            self._get_priced_terms(variant.model_id, self._steps.get_terms(record, variant)),
            read_comparable_cost(call.cost),
        )

    def observe(self, call: ObservedCall, outline: RequestOutline | None = None) -> None:
        """Take in a call and the outline of its request; `None` where content is not logged."""
        self._start = self._start or call.timestamp
        self._last = call.timestamp
        self._calls += 1
        self._outlined_calls += outline is not None
        self._count(call, is_outlined=outline is not None)
        self._throttling.observe(call)
        if outline is not None:
            self._requests.observe(call, outline)
        self._cache_writes.observe(call)

    def report(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> ComparisonReport:
        """Report, once, on all that was observed.

        Args:
            start: The start of the observed period; by default the first call.
            end: Its end; by default the last call.
        """
        end = end or self._last
        if end is not None:
            self._cache_writes.finish(max(end, self._last or end))
        account = _together(self._projects.values())
        others = self._projects.pop(OTHER_PROJECTS, None)
        ranked = sorted(self._projects.items(), key=lambda item: (-item[1].usd, item[0]))
        listed = dict(ranked[:MAX_PROJECTS])
        past = [*([others] if others else ()), *(project for _, project in ranked[MAX_PROJECTS:])]
        if past:
            listed[OTHER_PROJECTS] = _together(past)
        candidates = Candidates(self._pricing, shipped_windows(), shipped_legacy_models())
        waste = self._waste.regroup(listed, OTHER_PROJECTS)
        coverage = Coverage(start or self._start, end, self._calls, self._outlined_calls)
        found = list(apply_floor(_find_options(listed, candidates, waste), coverage.scale_to_month))
        options = (option for option in found if isinstance(option, SavingsOption))
        absent = (option for option in found if isinstance(option, AbsentOption))
        return ComparisonReport(
            coverage,
            _compare(None, account, candidates),
            tuple(_compare(name, project, candidates) for name, project in listed.items()),
            tuple(waste.ranked()),
            tuple(sorted(options, key=_rank)),
            tuple(sorted(absent, key=lambda option: (-option.usd, option))),
        )

    def _count(self, call: ObservedCall, *, is_outlined: bool) -> None:
        project = self._projects.setdefault(call.project, _Project())
        (model_id, _, rates), cost = call.priced, call.cost
        if call.is_failed:
            project.failed_calls += 1
        elif isinstance(cost, ComparableCost):
            key = get_purpose(rates), model_id
            project.by_model.setdefault(key, _Calls()).add(call, cost, is_outlined=is_outlined)
        elif cost is not None:
            project.unpriced[Unknown(model_id, cost)] += 1

    def _get_priced_terms(self, model_id: str, terms: Terms) -> PricedTerms:
        priced = self._priced.get((model_id, terms))
        if priced is None:
            rates = self._pricing.rates_in(
                model_id, terms.ways[0], terms.day, terms.total_input_tokens, terms.service_tier
            )
            priced = self._priced[model_id, terms] = PricedTerms(model_id, terms, rates)
        return priced


def _together(projects: Iterable[_Project]) -> _Project:
    whole = _Project()
    for project in projects:
        whole.include(project)
    return whole


def _find_options(
    projects: Mapping[str, _Project], candidates: Candidates, waste: WasteSummary
) -> Iterator[SavingsOption | AbsentOption]:
    for name, project in projects.items():
        for workload in project.workloads(name):
            yield from candidates.find_options(workload)
            yield _find_caching(workload, candidates, waste)


def _find_caching(
    workload: Workload, candidates: Candidates, waste: WasteSummary
) -> SavingsOption | AbsentOption:
    """The option to cache what requests repeat, where content is logged."""
    project, model_id, _, mix, *_ = workload
    repeated = waste.totals.get(WasteKey(project, model_id, WasteKind.REPEATED_PREFIXES))
    if repeated is None or not repeated.usd:
        reason = _explain_no_caching(workload, candidates, repeated)
        return explain_absence(OptionKind.CACHE, workload, reason)
    is_assumed = mix.has_assumed_price(model_id)
    rest = mix.usd - repeated.usd
    return SavingsOption(
        OptionKind.CACHE, project, model_id, None, repeated.calls, mix.usd, rest, is_assumed
    )


def _explain_no_caching(
    workload: Workload, candidates: Candidates, repeated: WasteTotals | None
) -> AbsenceReason:
    if any(kind in _CACHE_KINDS for kind in workload.mix.tokens_by_kind()):
        return AbsenceReason.ALREADY_USED
    if not candidates.has_cache_price(workload):
        return AbsenceReason.NO_CACHE_PRICE
    if not workload.outlined_calls:
        return AbsenceReason.CONTENT_NOT_LOGGED
    if repeated is None:
        return AbsenceReason.TOO_FEW_REPEATED_TOKENS
    return AbsenceReason.NOT_CHEAPER if repeated.priced_calls else AbsenceReason.NO_CACHE_PRICE


def _rank(option: SavingsOption) -> tuple[object, ...]:
    return -option.saved_usd, option.project, option.model_id, option.kind, option.target or ""


def _compare(name: str | None, project: _Project, candidates: Candidates) -> ProjectComparison:
    traffic = tuple(
        TrafficComparison(purpose, mix, *candidates.compare(purpose, mix))
        for purpose, mix in sorted(project.mixes.items())
    )
    return ProjectComparison(name, traffic, project.failed_calls, dict(project.unpriced))
