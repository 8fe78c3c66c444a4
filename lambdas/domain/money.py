"""Money as counters and limits have it, and as people read it, with the legend of its marks."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

_PICODOLLAR_EXPONENT = 12
PICODOLLARS = 10**_PICODOLLAR_EXPONENT
"""The pico-dollars of a US dollar."""

UNPRICED = "unpriced"
"""The cost of calls without a known price. They are not free."""
ASSUMED_MARK = "~"
"""The mark before a cost that includes an assumed price."""
_PLACES = 2
_PLACES_BELOW_A_DOLLAR = 4
_FREE = "$0"
_BELOW_A_CENT = "<$0.01"
_TOO_SMALL = "<$0.0001"
_LEGEND = {
    _FREE: "the price is 0, or no tokens were used",
    _BELOW_A_CENT: "more than 0, but less than a cent",
    _TOO_SMALL: "more than 0, but less than a hundredth of a cent",
    ASSUMED_MARK: (
        "includes an assumed price: a call's Region has none, so the highest one that is listed"
        " for its model elsewhere is used"
    ),
    UNPRICED: "the cost is not known, which does not mean that the calls are free",
}


def to_picodollars(usd: Decimal) -> int:
    """Convert US dollars to whole pico-dollars; a half goes to the even one.

    Each call is rounded by itself, so that the sum over any calls is that of their costs. List
    prices have at most six decimals for a million tokens, and round nothing.
    """
    return int(usd.scaleb(_PICODOLLAR_EXPONENT).to_integral_value(ROUND_HALF_EVEN))


def count_places(largest_usd: Decimal | None) -> int:
    """Count the decimal places of a column of amounts: 2, or 4 if the largest is below a dollar.

    >>> count_places(Decimal("28.98")), count_places(Decimal("0.4867")), count_places(None)
    (2, 4, 4)
    """
    is_large = largest_usd is not None and round(largest_usd, _PLACES_BELOW_A_DOLLAR) >= 1
    return _PLACES if is_large else _PLACES_BELOW_A_DOLLAR


def dollars(usd: Decimal | None, *, is_assumed: bool = False, places: int | None = None) -> str:
    """Write an amount for people: cents, and below a dollar hundredths of a cent.

    No cost, a tiny one, an assumed one and an unknown one differ.

    Args:
        usd: The amount; `None` for an unknown one.
        is_assumed: True to mark it as one with an assumed price.
        places: The decimal places of its column, see `count_places`; `None` for a single amount.

    Example:
        >>> dollars(Decimal("1234.5")), dollars(Decimal("0.0419")), dollars(Decimal("0.00004"))
        ('$1,234.50', '$0.0419', '<$0.0001')
    """
    if usd is None:
        return UNPRICED
    mark = ASSUMED_MARK if is_assumed else ""
    if not usd:
        return f"{mark}{_FREE}"
    if places is None:
        places = count_places(usd)
    if 0 < usd < Decimal(1).scaleb(-places):
        return f"{mark}{_BELOW_A_CENT if places == _PLACES else _TOO_SMALL}"
    return f"{mark}${usd:,.{places}f}"


def signed_dollars(usd: Decimal | None, *, is_assumed: bool = False, places: int) -> str:
    """Write a difference between two amounts, with its sign.

    Args:
        usd: The difference; `None` if one of the amounts is not known.
        is_assumed: True to mark it as one of an amount with an assumed price.
        places: The decimal places of its column, see `count_places`.

    Example:
        >>> signed_dollars(Decimal("12.5"), places=2), signed_dollars(Decimal("-3"), places=2)
        ('+$12.50', '-$3.00')
    """
    if not usd:
        return dollars(usd, is_assumed=is_assumed, places=places)
    sign = "+" if usd > 0 else "-"
    mark = ASSUMED_MARK if is_assumed else ""
    return f"{mark}{sign}{dollars(abs(usd), places=places)}"


def cost_legend(shown: Iterable[str]) -> list[str]:
    """Explain the marks that `dollars` wrote, each in a line; those that do not occur are left out.

    Args:
        shown: The amounts that are shown.
    """
    amounts = set(shown)
    unmarked = {amount.removeprefix(ASSUMED_MARK) for amount in amounts}
    occurs = {
        ASSUMED_MARK: unmarked != amounts,
        **{mark: mark in unmarked for mark in (_FREE, _BELOW_A_CENT, _TOO_SMALL, UNPRICED)},
    }
    marks = [mark for mark in _LEGEND if occurs[mark]]
    width = max(map(len, marks), default=0)
    return [f"{mark:{width}}  {_LEGEND[mark]}" for mark in marks]
