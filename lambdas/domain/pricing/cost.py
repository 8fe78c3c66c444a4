"""The cost of a call, line by line; or the reason why it is not known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import CallVariant
from lambdas.domain.pricing.contracted import ContractedPrice
from lambdas.domain.pricing.price import BilledUnit, Price, PriceBasis, TokenKind
from lambdas.domain.pricing.price_book import ListRate

_MILLIONTH_EXPONENT = -6
_NOTHING = Decimal(0)
_BASES = tuple(PriceBasis)


class CostLine(NamedTuple):
    """The cost of the tokens of one kind in a call, exactly.

    Attributes:
        kind: Their kind.
        tokens: Their number, at least one.
        list_usd_per_million: Their list price; `None` where there is a contracted one alone.
        usd_per_million: The contracted price, else the list price.
        listed: The list price and its basis.
    """

    kind: TokenKind
    tokens: int
    list_usd_per_million: Decimal | None
    usd_per_million: Decimal
    listed: ListRate | None = None

    @property
    def usd(self) -> Decimal:
        """The amount paid, in US dollars."""
        return (self.tokens * self.usd_per_million).scaleb(_MILLIONTH_EXPONENT)

    @property
    def is_at_list_price(self) -> bool:
        """Say if it has no contracted price."""
        return self.usd_per_million is self.list_usd_per_million

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
        listed: The list price and its basis.
    """

    unit: BilledUnit
    quantity: int
    model_id: str
    usd_per_unit: Decimal
    listed: ListRate

    @property
    def usd(self) -> Decimal:
        """The amount paid, in US dollars."""
        return self.quantity * self.usd_per_unit

    @property
    def is_at_list_price(self) -> bool:
        """Say if it has no contracted discount."""
        return self.usd_per_unit is self.listed.usd

    @property
    def list_usd(self) -> Decimal:
        """The cost at list price."""
        return self.quantity * self.listed.usd


class Cost(NamedTuple):
    """The cost of a call, to 28 digits, which is more than any public price needs.

    Attributes:
        list_usd: At list price; `None` where a part of it has a contracted price alone.
        effective_usd: At the contracted price, else at list price.
        price: The list price that has the weakest basis; `None` where no list price was used.
        contracted: The contracted price.
        basis: The weakest basis of all list prices used; `None` where no list price was used.
        edition: The edition of the price book.
        variant: The model and service tier that were priced.
        lines: A line for each kind of tokens that the call used.
        unit_lines: A line for each other unit that it is billed for.
    """

    list_usd: Decimal | None
    effective_usd: Decimal
    price: Price | None
    contracted: ContractedPrice | None = None
    basis: PriceBasis | None = None
    edition: str = ""
    variant: CallVariant | None = None
    lines: tuple[CostLine, ...] = ()
    unit_lines: tuple[UnitLine, ...] = ()

    @property
    def is_assumed(self) -> bool:
        """True when a part of it has a price of another place."""
        return self.basis is PriceBasis.ASSUMED

    def without_units(self) -> Cost:
        """The cost of the tokens alone."""
        return add_up(
            self.lines,
            contracted=self.contracted,
            edition=self.edition,
            variant=self.variant,
        )


def add_up(
    lines: tuple[CostLine, ...],
    unit_lines: tuple[UnitLine, ...] = (),
    *,
    contracted: ContractedPrice | None,
    edition: str,
    variant: CallVariant | None,
) -> Cost:
    """Add up the lines of a call to its cost."""
    all_lines: list[CostLine | UnitLine] = [*lines, *unit_lines]
    listed = [line.listed for line in all_lines if line.listed]
    weakest = max(listed, key=lambda rate: _BASES.index(rate.basis), default=None)
    return Cost(
        *sum_lines(all_lines),
        weakest.price if weakest else None,
        contracted,
        weakest.basis if weakest else None,
        edition,
        variant,
        lines,
        unit_lines,
    )


def sum_lines(lines: Sequence[CostLine | UnitLine]) -> tuple[Decimal | None, Decimal]:
    """Add up lines: at list price, `None` where a line has none, and as they are paid."""
    paid = sum([line.usd for line in lines], _NOTHING)
    if all(line.is_at_list_price for line in lines):
        return paid, paid
    listed = [usd for line in lines if (usd := line.list_usd) is not None]
    return (sum(listed, _NOTHING) if len(listed) == len(lines) else None), paid


class Unpriced(StrEnum):
    """The reason why a successful call has no cost. It is not free."""

    NO_PRICE = "no_price"
    """No price of the model is known in the partition where it was called."""
    NO_PRICE_OF_THE_TIER = "no_price_of_the_tier"
    """The model has a price, but not in the service tier that served the call."""
    NO_PRICE_OF_A_KIND = "no_price_of_a_kind"
    """The model has a price, but not for each kind of tokens that the call used."""
    NO_COUNTS = "no_counts"
    """The log does not report its token counts."""
    BILLED_IN_OTHER_UNITS = "billed_in_other_units"
    """It is billed for images, search units, seconds or hours that have no known price or count."""
    ONLY_ASSUMED = "only_assumed"
    """Only a price of another place is known, and assuming it is switched off."""


UNPRICED_MEANINGS = {
    Unpriced.NO_PRICE: "no price is known for the model",
    Unpriced.NO_PRICE_OF_THE_TIER: "no price of the service tier is known",
    Unpriced.NO_PRICE_OF_A_KIND: "no price of a kind of their tokens is known",
    Unpriced.NO_COUNTS: "the log does not report their token counts",
    Unpriced.BILLED_IN_OTHER_UNITS: "billed for something other than tokens, without a known price",
    Unpriced.ONLY_ASSUMED: "priced elsewhere only, and assume_prices is off",
}
"""The reasons in words, to follow the number of calls."""
WAITING_FOR_A_PRICE = tuple(reason for reason in Unpriced if reason is not Unpriced.NO_COUNTS)
"""The reasons that a later price can remove."""

CallCost: TypeAlias = "Cost | Unpriced | None"
"""`None` for a failed call: its tokens are in `FailedTokens` alone."""
