"""The amount of a budget, and what usage takes of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from lambdas.domain.counters import UsageTotals
from lambdas.domain.money import count_places, dollars
from lambdas.domain.words import exact_text, plural

_PICODOLLAR_EXPONENT = -12
_PICODOLLARS_PER_TOKEN_EXPONENT = 6  # of a price of one US dollar for a million tokens
_BASIS_POINTS = 10_000


class BudgetUnit(StrEnum):
    """The unit of a budget's amount."""

    USD = "usd"
    TOTAL_TOKENS = "total_tokens"
    QUOTA_TOKENS = "quota_tokens"


@dataclass(frozen=True, slots=True)
class UnpricedCeiling:
    """The prices at which usage without a known price counts, in US dollars.

    By default, no price in the shipped price book is higher. Each has at most 6 decimal places.

    Attributes:
        input_usd: The price of a million prompt tokens, cached ones included.
        output_usd: The price of a million output tokens.
        image_usd: The price of an image.
        video_second_usd: The price of a second of video.
        other_unit_usd: The price of any other unit, such as a search or a second of audio.
    """

    input_usd: Decimal = Decimal(60)
    output_usd: Decimal = Decimal(150)
    image_usd: Decimal = Decimal("0.6")
    video_second_usd: Decimal = Decimal("1.5")
    other_unit_usd: Decimal = Decimal("0.01")

    def cost_picodollars(self, totals: UsageTotals) -> int:
        """The cost of the usage without a price, at these prices."""
        return (
            totals.unpriced_input_tokens * _per_token(self.input_usd)
            + totals.unpriced_output_tokens * _per_token(self.output_usd)
            + totals.unpriced_images * _to_picodollars(self.image_usd)
            + totals.unpriced_video_seconds * _to_picodollars(self.video_second_usd)
            + totals.unpriced_other_units * _to_picodollars(self.other_unit_usd)
        )


DEFAULT_CEILING = UnpricedCeiling()


@dataclass(frozen=True, slots=True)
class BudgetAmount:
    """An amount of money or tokens.

    Attributes:
        unit: The unit.
        limit: Tokens, or pico-dollars (10^-12 US dollars).
    """

    unit: BudgetUnit
    limit: int

    @classmethod
    def from_usd(cls, usd: Decimal) -> BudgetAmount:
        """Make an amount of US dollars with at most 12 decimal places."""
        return cls(BudgetUnit.USD, _to_picodollars(usd))

    @classmethod
    def from_text(cls, text: str, unit: BudgetUnit) -> BudgetAmount:
        """Read a number of tokens or of US dollars."""
        return cls.from_usd(Decimal(text)) if unit is BudgetUnit.USD else cls(unit, int(text))

    def write(self, number: int) -> str:
        """Write a number of tokens or of pico-dollars, as the unit says, for `from_text`."""
        return exact_text(to_usd(number)) if self.unit is BudgetUnit.USD else str(number)

    def take_percentage(self, percent: Decimal) -> int:
        """The least usage that reaches a percentage with at most 2 decimal places."""
        return -(-self.limit * int(percent.scaleb(2)) // _BASIS_POINTS)

    def get_percentage(self, used: int) -> Decimal:
        """The percentage that a usage is of the amount, rounded down to 2 decimal places."""
        return Decimal(used * _BASIS_POINTS // self.limit).scaleb(-2)

    def is_reached(self, used: int, percent: Decimal) -> bool:
        """Say if usage has reached a percentage of the amount.

        Args:
            used: Tokens or pico-dollars, as the unit says.
            percent: The percentage, with at most 2 decimal places.
        """
        return used >= self.take_percentage(percent)

    def describe(self, used: int | None = None, *, largest: int | None = None) -> str:
        """Write the amount, or another one in its unit, for people.

        Args:
            used: The other one.
            largest: The largest in its column, so that all there have as many decimal places.
        """
        number = self.limit if used is None else used
        if self.unit is BudgetUnit.USD:
            places = None if largest is None else count_places(to_usd(largest))
            text = dollars(to_usd(abs(number)), places=places)
            return text if number >= 0 else f"-{text}"
        kind = "quota token" if self.unit is BudgetUnit.QUOTA_TOKENS else "token"
        return plural(number, kind)


def read_usage(totals: UsageTotals, unit: BudgetUnit, ceiling: UnpricedCeiling) -> int:
    """Read from totals what they take of a budget.

    Money includes assumed prices as they are, and usage without a price at the ceiling.
    """
    match unit:
        case BudgetUnit.USD:
            return totals.cost_picodollars + ceiling.cost_picodollars(totals)
        case BudgetUnit.TOTAL_TOKENS:
            return totals.total_tokens
        case BudgetUnit.QUOTA_TOKENS:
            return totals.quota_tokens


def to_usd(picodollars: int) -> Decimal:
    """Convert pico-dollars to US dollars, exactly.

    >>> to_usd(1_500_000_000_000)
    Decimal('1.500000000000')
    """
    return Decimal(f"{picodollars}E{_PICODOLLAR_EXPONENT}")


def _to_picodollars(usd: Decimal) -> int:
    return int(usd.scaleb(-_PICODOLLAR_EXPONENT))


def _per_token(usd_per_million: Decimal) -> int:
    return int(usd_per_million.scaleb(_PICODOLLARS_PER_TOKEN_EXPONENT))
