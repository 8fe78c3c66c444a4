"""Prices traffic on other models, at the same prices as the traffic itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.pricing import BATCH_TIER, Pricing, TokenKind, UsdPerMillion
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.reports.comparison.absent_options import (
    AbsenceReason,
    AbsentOption,
    explain_absence,
)
from lambdas.domain.reports.comparison.comparable import (
    ContextWindows,
    is_same_class,
)
from lambdas.domain.reports.comparison.options import OptionKind, SavingsOption, Workload
from lambdas.domain.reports.comparison.traffic import Purpose, Terms, TrafficMix

MAX_MOVES = 3
"""The number of other models that are named for a workload, the cheapest ones."""
_TIERS = {OptionKind.FLEX: "flex", OptionKind.BATCH: BATCH_TIER}
_OF_A_MILLION = -6  # places of the decimal point
_INPUT_KINDS = frozenset(TokenKind) - {TokenKind.OUTPUT}
_PLACES = Decimal("0.0001")
_ModelName: TypeAlias = tuple[str, str | None]
_WIDE = Context(prec=60)
"""For shares: a price may be a million dollars, and another one the least that has 20 digits."""


class ModelCost(NamedTuple):
    """The cost of some traffic on a model, with its token counts unchanged.

    Attributes:
        model_id: The foundation model.
        is_in_use: Whether some of the traffic ran on it.
        as_cached_usd: With cache reads and writes as they were, at the model's cache prices;
            `None` where one of them is not known.
        uncached_usd: With all input at the price of plain input.
        lacks: The kinds of tokens in the traffic that have no known price.
        has_assumed_price: Whether a part of the traffic ran where the model has no listed price.
    """

    model_id: str
    is_in_use: bool
    as_cached_usd: Decimal | None
    uncached_usd: Decimal
    lacks: tuple[TokenKind, ...] = ()
    has_assumed_price: bool = False

    @property
    def usd(self) -> Decimal:
        """The cost by which models are ranked: as cached, else without caching."""
        return self.uncached_usd if self.as_cached_usd is None else self.as_cached_usd


def saved_share(usd: Decimal | None, actual_usd: Decimal) -> Decimal | None:
    """The share of the actual cost that a cost saves, to a hundredth of a percent; below 0 it adds.

    `None` where there is no cost, or nothing that could be saved.
    """
    if usd is None or not actual_usd:
        return None
    return (1 - usd / actual_usd).quantize(_PLACES, context=_WIDE)


class PricedCandidates(NamedTuple):
    """Models that some traffic could have run on, with what it would have cost.

    Attributes:
        costs: The cost on each model that has a listed price wherever the traffic ran, and on each
            that is in use; the cheapest first.
        unlisted_models: The number of models of the same purpose that lack such a price.
    """

    costs: tuple[ModelCost, ...]
    unlisted_models: int


@dataclass(slots=True)
class Candidates:
    """The models that traffic could have run on: all that have a listed price there.

    A model with a price elsewhere alone may not be offered where the traffic ran, so assumed prices
    are taken for models in use alone.

    Attributes:
        pricing: The prices of tokens: those of the day of a call. Contracted prices
            go before list prices, as for the calls themselves.
        windows: The context windows of models.
        legacy_models: The names of models with an announced end of life.
    """

    pricing: Pricing
    windows: ContextWindows
    legacy_models: frozenset[str]
    _listed: Pricing = field(init=False)
    _book: dict[_ModelName, str] = field(init=False, default_factory=dict)
    _text_models: set[_ModelName] = field(init=False, default_factory=set)
    _rates: dict[tuple[str, Terms, bool], _Rates] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Note the models of the price book and their purpose."""
        self._listed = replace(self.pricing, assume_prices=False)
        for price in self.pricing.book:
            name = name_and_version(price.model_id)
            self._book[name] = price.model_id
            if TokenKind.OUTPUT in price.get_rates(0).usd_per_million:
                self._text_models.add(name)

    def compare(self, purpose: Purpose, mix: TrafficMix) -> PricedCandidates:
        """Price traffic on every model of the same purpose that has a price wherever it ran.

        A model that lacks the price of plain input or output has no cost. Models of equal cost are
        in order of their names.
        """
        known, unlisted = [], 0
        for model_id in self._models(mix):
            cost = self._cost(model_id, purpose, mix)
            if cost is not None:
                known.append(cost)
            elif self._get_purpose(model_id) is purpose:
                unlisted += 1
        known.sort(key=lambda cost: (cost.usd, cost.model_id))
        return PricedCandidates(tuple(known), unlisted)

    def find_options(self, workload: Workload) -> Iterator[SavingsOption | AbsentOption]:
        """Find cheaper comparable models, and cheaper tiers of the model itself.

        Each kind comes as an option, or with the reason why it does not appear.
        """
        moves = list(self._find_moves(workload)) if workload.purpose is Purpose.TEXT else []
        yield from moves
        if not moves:
            is_text = workload.purpose is Purpose.TEXT
            reason = AbsenceReason.NO_COMPARABLE_MODEL if is_text else AbsenceReason.EMBEDDING
            yield explain_absence(OptionKind.MOVE, workload, reason)
        for kind, tier in _TIERS.items():
            found = self._find_tier(workload, kind, tier)
            if isinstance(found, SavingsOption) and found.saved_usd > 0:
                yield found
            else:
                reason = AbsenceReason.NOT_CHEAPER if isinstance(found, SavingsOption) else found
                yield explain_absence(kind, workload, reason)

    def has_cache_price(self, workload: Workload) -> bool:
        """Say if cache reads of the model have a price wherever a part of the calls ran."""
        return any(
            TokenKind.CACHE_READ
            in self._rates_in(workload.model_id, terms, is_in_use=True).usd_per_million
            for terms in workload.mix.tokens
        )

    def _find_moves(self, workload: Workload) -> Iterator[SavingsOption]:
        mix = workload.mix
        cheaper = [
            cost
            for cost in self.compare(workload.purpose, mix).costs
            if cost.usd < mix.usd and self._is_comparable(workload, cost.model_id)
        ]
        for cost in cheaper[:MAX_MOVES]:
            yield SavingsOption(
                OptionKind.MOVE,
                workload.project,
                workload.model_id,
                cost.model_id,
                mix.calls,
                mix.usd,
                cost.usd,
                mix.has_assumed_price(workload.model_id),
            )

    def _is_comparable(self, workload: Workload, model_id: str) -> bool:
        """Say if a model is comparable on all terms, see `COMPARABLE`; the model itself is not."""
        name = name_and_version(model_id)
        if name == name_and_version(workload.model_id) or name[0] in self.legacy_models:
            return False
        if self.windows.get(name[0], 0) < workload.largest_call_tokens:
            return False
        return all(
            is_same_class(
                workload.model_id,
                self._rates_in(workload.model_id, terms, is_in_use=True).usd_per_million,
                model_id,
                self._rates_in(model_id, terms, is_in_use=False).usd_per_million,
            )
            for terms in workload.mix.tokens
        )

    def _find_tier(
        self, workload: Workload, kind: OptionKind, tier: str
    ) -> SavingsOption | AbsenceReason:
        """Price the calls of the standard tier in another tier, or say why that cannot be done."""
        if not workload.standard_calls:
            tiers = {terms.service_tier for terms in workload.mix.tokens}
            return AbsenceReason.ALREADY_USED if tiers == {tier} else AbsenceReason.OTHER_TIER
        usd, tier_usd = Decimal(0), Decimal(0)
        for terms, counts in workload.mix.tokens.items():
            if terms.service_tier is not None:
                continue
            used = {kind: count for kind, count in counts.items() if count}
            now = self._rates_in(workload.model_id, terms, is_in_use=True).usd_per_million
            then = _first_rates(self._listed, workload.model_id, terms, (tier,))
            if not used.keys() <= now.keys() & then.keys():
                return self._explain_missing_price(workload.model_id, terms, tier, then)
            usd += _total(used, now)
            tier_usd += _total(used, then)
        return SavingsOption(
            kind,
            workload.project,
            workload.model_id,
            None,
            workload.standard_calls,
            usd.scaleb(_OF_A_MILLION),
            tier_usd.scaleb(_OF_A_MILLION),
            workload.mix.has_assumed_price(workload.model_id),
        )

    def _explain_missing_price(
        self, model_id: str, terms: Terms, tier: str, rates: UsdPerMillion
    ) -> AbsenceReason:
        if rates:
            return AbsenceReason.NO_PRICE_OF_A_KIND
        elsewhere = self.pricing.book.get_prices(model_id, terms.ways[0], terms.day, tier)
        return AbsenceReason.NO_PRICE_IN_REGION if elsewhere else AbsenceReason.NO_PRICE

    def _models(self, mix: TrafficMix) -> list[str]:
        """Every model once: as traffic spells it, else as the price book does."""
        models = dict(self._book)
        for model_id in sorted(mix.by_model, reverse=True):
            models[name_and_version(self._listed_as(model_id, mix.tokens))] = model_id
        return sorted(models.values())

    def _get_purpose(self, model_id: str) -> Purpose:
        is_text = name_and_version(model_id) in self._text_models
        return Purpose.TEXT if is_text else Purpose.EMBEDDING

    def _listed_as(self, model_id: str, terms: Iterable[Terms]) -> str:
        """The price book's spelling of a model; the given one where it has no list price."""
        spelled = (
            self.pricing.book.get_prices(model_id, part.ways[0], part.day, tier).listed_as
            for part in terms
            for tier in _tiers(part)
        )
        return next(filter(None, spelled), model_id)

    def _cost(self, model_id: str, purpose: Purpose, mix: TrafficMix) -> ModelCost | None:
        as_cached, uncached = Decimal(0), Decimal(0)
        is_in_use, has_assumed_price = model_id in mix.by_model, False
        lacks = set[TokenKind]()
        for terms, counts in mix.tokens.items():
            if not (used := {kind: count for kind, count in counts.items() if count}):
                continue
            rates, assumed = self._rates_in(model_id, terms, is_in_use=is_in_use)
            has_assumed_price = has_assumed_price or not assumed.isdisjoint(used)
            is_text = TokenKind.OUTPUT in rates
            if TokenKind.INPUT not in rates or is_text != (purpose is Purpose.TEXT):
                return None
            lacks.update(used.keys() - rates.keys())
            as_cached += _total(used, rates)
            uncached += _total(_without_cache(used), rates)
        return ModelCost(
            model_id,
            is_in_use,
            None if lacks else as_cached.scaleb(_OF_A_MILLION),
            uncached.scaleb(_OF_A_MILLION),
            tuple(kind for kind in TokenKind if kind in lacks),
            has_assumed_price,
        )

    def _rates_in(self, model_id: str, terms: Terms, *, is_in_use: bool) -> _Rates:
        key = model_id, terms, is_in_use
        found = self._rates.get(key)
        if found is None:
            listed = _first_rates(self._listed, model_id, terms)
            known = _first_rates(self.pricing, model_id, terms) if is_in_use else listed
            assumed = frozenset(known.keys() - listed.keys())
            self._rates[key] = found = _Rates({**known, **listed}, assumed)
        return found


class _Rates(NamedTuple):
    """The rates of a model where some traffic ran, and the kinds with assumed rates."""

    usd_per_million: UsdPerMillion
    assumed: frozenset[TokenKind]


def _first_rates(
    pricing: Pricing, model_id: str, terms: Terms, tiers: tuple[str | None, ...] | None = None
) -> UsdPerMillion:
    """The rates in the first tier and on the first route that have any."""
    ways = (
        pricing.rates_in(model_id, route, terms.day, terms.total_input_tokens, tier)
        for tier in tiers or _tiers(terms)
        for route in terms.ways
    )
    return next(filter(None, ways), {})


def _tiers(terms: Terms) -> tuple[str | None, ...]:
    """The tiers in which a model may serve a call: its own, else the standard one."""
    return (terms.service_tier, None) if terms.service_tier else (None,)


def _without_cache(used: Mapping[TokenKind, int]) -> dict[TokenKind, int]:
    read = sum(count for kind, count in used.items() if kind in _INPUT_KINDS)
    return {TokenKind.INPUT: read, TokenKind.OUTPUT: used.get(TokenKind.OUTPUT, 0)}


def _total(used: Mapping[TokenKind, int], rates: UsdPerMillion) -> Decimal:
    """The cost of a million times the tokens whose price is known."""
    return sum((count * rates[kind] for kind, count in used.items() if kind in rates), Decimal(0))
