"""The cost of a call, exactly; or the reason why it is not known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import product
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import (
    BilledUnits,
    CallVariant,
    Conflicts,
    TokenCounts,
    UsageRecord,
)
from lambdas.domain.invocations.token_counts import UNKNOWN_COUNTS
from lambdas.domain.pricing.negotiated import NegotiatedPrice, NegotiatedPrices
from lambdas.domain.pricing.price import (
    GUARDRAIL_PREFIX,
    GUARDRAILS,
    BilledUnit,
    Price,
    PriceBasis,
    TokenKind,
    UsdPerMillion,
)
from lambdas.domain.pricing.price_book import CallPrices, ListRate, PriceBook
from lambdas.domain.pricing.routes import Route, read_route
from lambdas.domain.pricing.unit_models import is_paid_by_the_hour, is_paid_by_units

RESERVED_TIER = "reserved"
"""The service tier that is paid by the hour, whatever is called in it. Source:
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""

_MILLIONTH_EXPONENT = -6
_HUNDREDTH_EXPONENT = -2
_HUNDRED = Decimal(100)
_BASES = tuple(PriceBasis)
_UNITS = frozenset(unit.value for unit in BilledUnit)
_GUARDRAILS = CallVariant(GUARDRAILS, GUARDRAILS, None)


class Cost(NamedTuple):
    """The cost of a call, to 28 digits, which is more than any public price needs.

    Attributes:
        list_usd: At list price; `None` where a part of it has a contracted price alone.
        effective_usd: At the contracted price, else at list price.
        price: The list price that the weakest basis comes from; `None` where none was taken.
        negotiated: The contracted price.
        basis: What the list prices rest on: the weakest of all that were taken; `None` where
            none was.
        edition: The edition of the price book.
        variant: The model and service tier that were priced.
    """

    list_usd: Decimal | None
    effective_usd: Decimal
    price: Price | None
    negotiated: NegotiatedPrice | None = None
    basis: PriceBasis | None = None
    edition: str = ""
    variant: CallVariant | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether a part of it is a price of another place."""
        return self.basis is PriceBasis.ASSUMED


class CostLine(NamedTuple):
    """The cost of the tokens of one kind in a call, exactly.

    Attributes:
        kind: Their kind.
        tokens: Their number, at least one.
        list_usd_per_million: Their list price; `None` where there is a contracted one alone.
        usd_per_million: The contracted price, else the list price.
        listed: Where the list price stands, and what it rests on.
    """

    kind: TokenKind
    tokens: int
    list_usd_per_million: Decimal | None
    usd_per_million: Decimal
    listed: ListRate | None = None

    @property
    def usd(self) -> Decimal:
        """What is paid."""
        return (self.tokens * self.usd_per_million).scaleb(_MILLIONTH_EXPONENT)

    @property
    def list_usd(self) -> Decimal | None:
        """The cost at list price."""
        listed = self.list_usd_per_million
        return None if listed is None else (self.tokens * listed).scaleb(_MILLIONTH_EXPONENT)


class UnitLine(NamedTuple):
    """The cost of the billed units of one kind in a call, exactly.

    Attributes:
        unit: The unit.
        quantity: The number of units, at least one.
        model_id: The entry of the price book: the model, or `GUARDRAILS`.
        usd_per_unit: The list price less the contracted discount.
        listed: Where the list price stands, and what it rests on.
    """

    unit: BilledUnit
    quantity: int
    model_id: str
    usd_per_unit: Decimal
    listed: ListRate

    @property
    def usd(self) -> Decimal:
        """What is paid."""
        return self.quantity * self.usd_per_unit

    @property
    def list_usd(self) -> Decimal:
        """The cost at list price."""
        return self.quantity * self.listed.usd


class PricedTokens(NamedTuple):
    """The tokens and other billed units of a call with their prices.

    The cost of the call is the sum of its lines.

    Attributes:
        lines: A line for each kind of tokens that the call used.
        negotiated: The contracted price.
        unit_lines: A line for each other unit that it is billed for.
        edition: The edition of the price book.
        variant: The model and service tier that were priced.
    """

    lines: tuple[CostLine, ...]
    negotiated: NegotiatedPrice | None
    unit_lines: tuple[UnitLine, ...] = ()
    edition: str = ""
    variant: CallVariant | None = None

    @property
    def basis(self) -> PriceBasis | None:
        """The weakest basis of all list prices; `None` where there are contracted ones alone."""
        weakest = self._weakest()
        return weakest.basis if weakest else None

    @property
    def cost(self) -> Cost:
        """The cost of the call."""
        lines = self._all_lines()
        weakest = self._weakest()
        return Cost(
            _sum_known(lines),
            sum((line.usd for line in lines), Decimal(0)),
            weakest.price if weakest else None,
            self.negotiated,
            weakest.basis if weakest else None,
            self.edition,
            self.variant,
        )

    def _all_lines(self) -> list[CostLine | UnitLine]:
        return [*self.lines, *self.unit_lines]

    def _weakest(self) -> ListRate | None:
        listed = [line.listed for line in self._all_lines() if line.listed]
        return max(listed, key=lambda rate: _BASES.index(rate.basis), default=None)


class Unpriced(StrEnum):
    """The reason why a successful call has no cost. It is not free."""

    NO_PRICE = "no_price"
    """No price of the model is known in the partition where it was called."""
    NO_PRICE_OF_THE_TIER = "no_price_of_the_tier"
    """There is a price, but none of the service tier that served the call."""
    NO_PRICE_OF_A_KIND = "no_price_of_a_kind"
    """There is a price, but none of a kind of tokens that the call used."""
    NO_COUNTS = "no_counts"
    """The log does not say how many tokens it took."""
    BILLED_IN_OTHER_UNITS = "billed_in_other_units"
    """It is billed for images, search units, seconds or hours that have no known price or count."""
    ONLY_ASSUMED = "only_assumed"
    """Only a price of another place is known, and assuming it is switched off."""


WAITING_FOR_A_PRICE = tuple(reason for reason in Unpriced if reason is not Unpriced.NO_COUNTS)
"""The reasons that a later price can remove."""

CallCost: TypeAlias = "Cost | Unpriced | None"
"""`None` for a failed call: its tokens are in `FailedTokens` alone."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """Prices calls.

    Attributes:
        book: List prices.
        negotiated: Contracted prices.
        assume_prices: Whether the dearest listed price of the partition stands in where the place
            of a call has none.
    """

    book: PriceBook
    negotiated: NegotiatedPrices = field(default_factory=NegotiatedPrices)
    assume_prices: bool = True

    def cost_of(self, record: UsageRecord) -> CallCost:
        """Get the cost of a call: the sum of its lines."""
        priced = self.price_tokens(record)
        return priced.cost if isinstance(priced, PricedTokens) else priced

    @property
    def size_steps(self) -> tuple[int, ...]:
        """The input tokens of a call above which any price changes, in order.

        Below and between them, a call's cost is the sum of its tokens at prices per token.
        """
        return self.book.size_steps

    def knows(self, model_id: str) -> bool:
        """Say if calls of a model can have a cost, whenever and however it is called."""
        return self.book.knows(model_id) or any(
            price.usd_per_million and price.is_of(model_id) for price in self.negotiated
        )

    def price_tokens(self, record: UsageRecord) -> PricedTokens | Unpriced | None:
        """Price a call by the kinds of its tokens and units; `None` for a failed call.

        A kind that the call did not use needs no price. No reading of a call can lower its cost:
        where readings disagree on model, tier, day or cache lifetime, the dearest known price is
        taken; where models are too many to be kept, the dearest listed price of any model; and
        where they disagree on counts, a kind without a price is left out of the cost.
        """
        if record.is_failed:
            return None
        if record.conflicts is None:
            return self._price(record, self._entry(_variant_of(record), record))
        outcomes = [self._price(*possible) for possible in self._possibilities(record)]
        priced = [outcome for outcome in outcomes if isinstance(outcome, PricedTokens)]
        return max(priced, key=_usd, default=outcomes[0])

    def rates_in(
        self,
        model_id: str,
        route: Route,
        day: date,
        total_input_tokens: int,
        service_tier: str | None = None,
    ) -> UsdPerMillion:
        """Get the prices of a model's tokens in calls like these, by kind, as `cost_of` takes them.

        Args:
            model_id: The foundation model.
            route: How and where it is called.
            day: The day of the calls, UTC.
            total_input_tokens: The tokens that each call reads, cached ones included.
            service_tier: The tier that serves them; `None` for the standard one.

        Returns:
            Prices; a kind that is left out has no known price.
        """
        prices = self.book.prices_of(model_id, route, day, service_tier)
        agreed = self.negotiated.price_of(model_id, day, service_tier)
        listed = {
            kind: rate.usd
            for kind, rate in prices.token_rates(total_input_tokens).items()
            if self.assume_prices or rate.basis is not PriceBasis.ASSUMED
        }
        return listed if agreed is None else _agreed(listed, agreed)

    def _possibilities(self, record: UsageRecord) -> Iterator[tuple[UsageRecord, _Entry]]:
        """The days, models, tiers and lifetimes of cache writes that readings of a call report."""
        conflicts = record.conflicts or Conflicts()
        timestamps = conflicts.timestamps or (record.timestamp,)
        days = {moment.date(): moment for moment in timestamps}.values()
        splits = {record.tokens.cache_write_1h}
        if conflicts.are_counts_disputed:
            splits.add(None)
        for timestamp, cache_write_1h in product(days, splits):
            tokens = record.tokens._replace(cache_write_1h=cache_write_1h)
            possible = record._replace(timestamp=timestamp, tokens=tokens)
            for variant in conflicts.variants or (_variant_of(record),):
                yield possible, self._entry(variant, possible)
            if conflicts.are_variants_cut_off:
                for entry in self._entries_of_any_model(possible):
                    yield possible, entry

    def _price(self, record: UsageRecord, entry: _Entry) -> PricedTokens | Unpriced:
        priced = self._price_all(record, entry)
        if isinstance(priced, PricedTokens):
            return priced
        if record.conflicts is None or not record.conflicts.are_counts_disputed:
            return priced
        partly = self._price_all(record, replace(entry, leaves_out_unpriced=True))
        has_lines = isinstance(partly, PricedTokens) and (partly.lines or partly.unit_lines)
        return partly if has_lines else priced

    def _price_all(self, record: UsageRecord, entry: _Entry) -> PricedTokens | Unpriced:
        own, of_guardrails = _split_units(record.billed_units)
        lines = entry.token_lines(record.tokens, own, _size_of(record))
        unit_lines = entry.unit_lines(own, record.tokens)
        guardrail_lines: tuple[UnitLine, ...] | Unpriced = ()
        if of_guardrails:
            guardrails = replace(
                self._entry(_GUARDRAILS, record), leaves_out_unpriced=entry.leaves_out_unpriced
            )
            guardrail_lines = guardrails.unit_lines(of_guardrails)
        if isinstance(lines, Unpriced):
            return lines
        if isinstance(unit_lines, Unpriced):
            return unit_lines
        if isinstance(guardrail_lines, Unpriced):
            return guardrail_lines
        other = (*unit_lines, *guardrail_lines)
        return PricedTokens(lines, entry.agreed, other, self.book.edition, entry.variant)

    def _entry(self, variant: CallVariant, record: UsageRecord) -> _Entry:
        model_id, invoked_model_id, tier = variant
        day, route = record.timestamp.date(), read_route(invoked_model_id, record.region)
        prices = self.book.prices_of(model_id, route, day, tier)
        agreed = self.negotiated.price_of(model_id, day, tier)
        has_standard_price = tier is not None and bool(
            self.book.prices_of(model_id, route, day) or self.negotiated.price_of(model_id, day)
        )
        return _Entry(variant, prices, agreed, self.assume_prices, has_standard_price)

    def _entries_of_any_model(self, record: UsageRecord) -> Iterator[_Entry]:
        """The dearest listed prices of all models, and every contracted price."""
        partition, day = Route(record.region).partition, record.timestamp.date()
        variant, listed = _variant_of(record), self.book.dearest(partition, day)
        yield _Entry(variant, listed, None, assume_prices=True, is_of_any_model=True)
        for agreed in self.negotiated:
            if agreed.usd_per_million and agreed.effective_from <= day:
                prices = CallPrices()
                yield _Entry(variant, prices, agreed, assume_prices=True, is_of_any_model=True)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The prices of calls of one model, route, day and tier.

    Attributes:
        variant: The model and tier.
        prices: Their list prices.
        agreed: Their contracted price.
        assume_prices: Whether a price of another place can stand in.
        has_standard_price: Whether the model has a price in the standard tier.
        is_of_any_model: Whether the prices are those of any model, whatever the variant is.
        leaves_out_unpriced: Whether a kind or unit without a price is left out, instead of making
            the whole call unpriced.
    """

    variant: CallVariant
    prices: CallPrices
    agreed: NegotiatedPrice | None
    assume_prices: bool
    has_standard_price: bool = False
    is_of_any_model: bool = False
    leaves_out_unpriced: bool = False

    def token_lines(
        self, tokens: TokenCounts, units: BilledUnits, size: int
    ) -> tuple[CostLine, ...] | Unpriced:
        """Price tokens. A call that is billed in other units may have none."""
        used = _used(tokens)
        if self._is_reserved or self._lacks_units(used, units):
            return Unpriced.BILLED_IN_OTHER_UNITS
        if not used and units:
            return ()
        if tokens.is_missing:
            return Unpriced.NO_COUNTS
        listed = self.prices.token_rates(size)
        if self._is_paid_by_units:
            used = tuple((kind, count) for kind, count in used if kind in listed)
        elif not listed and not (self.agreed and self.agreed.usd_per_million):
            return self._missing_price
        elif not used and TokenKind.OUTPUT not in listed and TokenKind.INPUT in listed:
            return Unpriced.BILLED_IN_OTHER_UNITS  # an embedding of something else than text
        return self._lines(used, listed)

    def unit_lines(
        self, units: BilledUnits, tokens: TokenCounts = UNKNOWN_COUNTS
    ) -> tuple[UnitLine, ...] | Unpriced:
        """Price units; images of a model that is paid by tokens alone are part of its tokens."""
        rates = self.prices.unit_rates
        are_in_tokens = bool(_used(tokens)) and not (rates or self._is_paid_by_units)
        lines = []
        for name, count in units:
            unit = BilledUnit(name) if name in _UNITS else None
            rate = rates.get(unit) if unit else None
            if unit is BilledUnit.IMAGE and rate is None and are_in_tokens:
                continue
            if unit is None or rate is None or not self._is_allowed(rate):
                if self.leaves_out_unpriced:
                    continue
                return Unpriced.ONLY_ASSUMED if rate else Unpriced.BILLED_IN_OTHER_UNITS
            usd = rate.usd if self.agreed is None else rate.usd * _share_paid(self.agreed)
            lines.append(UnitLine(unit, count, self.variant.model_id, usd, rate))
        return tuple(lines)

    def _lines(
        self, used: Sequence[tuple[TokenKind, int]], listed: Mapping[TokenKind, ListRate]
    ) -> tuple[CostLine, ...] | Unpriced:
        lines = []
        for kind, count in used:
            rate = listed.get(kind)
            known = rate if rate is not None and self._is_allowed(rate) else None
            list_usd = known.usd if known else None
            usd = list_usd if self.agreed is None else _contracted(self.agreed, kind, list_usd)
            if usd is None and self.leaves_out_unpriced:
                continue
            if usd is None:
                return Unpriced.ONLY_ASSUMED if rate else Unpriced.NO_PRICE_OF_A_KIND
            lines.append(CostLine(kind, count, list_usd, usd, known))
        return tuple(lines)

    def _lacks_units(self, used: Sequence[object], units: BilledUnits) -> bool:
        """Say if a call is billed in units and its log reports none."""
        if units:
            return False
        return self._is_paid_by_units or bool(self.prices.unit_rates and not used)

    @property
    def _missing_price(self) -> Unpriced:
        """The reason why there is no price of tokens at all."""
        if self.has_standard_price:
            return Unpriced.NO_PRICE_OF_THE_TIER
        is_hourly = is_paid_by_the_hour(self.variant.model_id)
        return Unpriced.BILLED_IN_OTHER_UNITS if is_hourly else Unpriced.NO_PRICE

    @property
    def _is_reserved(self) -> bool:
        return not self.is_of_any_model and self.variant.service_tier == RESERVED_TIER

    @property
    def _is_paid_by_units(self) -> bool:
        return not self.is_of_any_model and is_paid_by_units(self.variant.model_id)

    def _is_allowed(self, rate: ListRate) -> bool:
        return self.assume_prices or rate.basis is not PriceBasis.ASSUMED


def tokens_by_kind(tokens: TokenCounts) -> Iterator[tuple[TokenKind, int]]:
    """The tokens of a call by the kinds that have prices, without those it used none of.

    Cache writes of which no part is known to be kept for an hour are taken as kept for five
    minutes, which is Bedrock's default.
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
    """
    for_an_hour = tokens.cache_write_1h or 0
    for kind, count in (
        (TokenKind.INPUT, tokens.input),
        (TokenKind.OUTPUT, tokens.output),
        (TokenKind.CACHE_READ, tokens.cache_read),
        (TokenKind.CACHE_WRITE_5M, (tokens.cache_write or 0) - for_an_hour),
        (TokenKind.CACHE_WRITE_1H, for_an_hour),
    ):
        if count:
            yield kind, count


def _size_of(record: UsageRecord) -> int:
    """The input tokens that decide if a call is a large one: those of its largest sampling."""
    total, largest = record.tokens.total_input or 0, record.largest_sampling_tokens
    return total if largest is None else min(total, largest)


def _used(tokens: TokenCounts) -> tuple[tuple[TokenKind, int], ...]:
    return () if tokens.is_missing else tuple(tokens_by_kind(tokens))


def _split_units(units: BilledUnits) -> tuple[BilledUnits, BilledUnits]:
    """The units of the model, and those of guardrails on top of it."""
    if not units:
        return (), ()
    billed = [(unit, count) for unit, count in units if count]
    own = tuple(pair for pair in billed if not pair[0].startswith(GUARDRAIL_PREFIX))
    return own, tuple(pair for pair in billed if pair[0].startswith(GUARDRAIL_PREFIX))


def _variant_of(record: UsageRecord) -> CallVariant:
    return CallVariant(record.model_id, record.invoked_model_id, record.service_tier)


def _usd(priced: PricedTokens) -> Decimal:
    return priced.cost.effective_usd


def _sum_known(lines: Iterable[CostLine | UnitLine]) -> Decimal | None:
    total = Decimal(0)
    for line in lines:
        list_usd = line.list_usd
        if list_usd is None:
            return None
        total += list_usd
    return total


def _agreed(listed: UsdPerMillion, agreed: NegotiatedPrice) -> UsdPerMillion:
    share = _share_paid(agreed)
    return {kind: usd * share for kind, usd in listed.items()} | dict(agreed.usd_per_million)


def _contracted(
    agreed: NegotiatedPrice, kind: TokenKind, list_usd: Decimal | None
) -> Decimal | None:
    usd = agreed.usd_per_million.get(kind)
    return list_usd * _share_paid(agreed) if usd is None and list_usd is not None else usd


def _share_paid(agreed: NegotiatedPrice) -> Decimal:
    return (_HUNDRED - agreed.discount_percent).scaleb(_HUNDREDTH_EXPONENT)
