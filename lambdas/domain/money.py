"""Money as people read it, in every report and message, and the legend of its marks."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

UNPRICED = "unpriced"
"""The cost of calls without a known price. They are not free."""
ASSUMED_MARK = "~"
"""The mark before a cost that includes an assumed price."""
_PLACES = 2
_PLACES_BELOW_A_DOLLAR = 4
_SMALLEST_SHOWN = Decimal(1).scaleb(-_PLACES_BELOW_A_DOLLAR)
_FREE = "$0"
_TOO_SMALL = f"<${_SMALLEST_SHOWN}"
_LEGEND = {
    _FREE: "the price is 0, or no tokens were used",
    _TOO_SMALL: "more than 0, but less than a hundredth of a cent",
    ASSUMED_MARK: (
        "includes an assumed price: a call's Region has none, so the highest one that is listed"
        " for its model elsewhere is used"
    ),
    UNPRICED: "the cost is not known, which does not mean that the calls are free",
}


def dollars(usd: Decimal | None, *, is_assumed: bool = False) -> str:
    """Write an amount for people: cents, and below a dollar hundredths of a cent.

    No cost, a tiny one, an assumed one and an unknown one differ.

    Example:
        >>> dollars(Decimal("1234.5")), dollars(Decimal("0.0419")), dollars(Decimal("0.00004"))
        ('$1,234.50', '$0.0419', '<$0.0001')
    """
    if usd is None:
        return UNPRICED
    mark = ASSUMED_MARK if is_assumed else ""
    if not usd:
        return f"{mark}{_FREE}"
    if 0 < usd < _SMALLEST_SHOWN:
        return f"{mark}{_TOO_SMALL}"
    shown = round(usd, _PLACES_BELOW_A_DOLLAR)
    places = _PLACES if shown >= 1 else _PLACES_BELOW_A_DOLLAR
    return f"{mark}${usd:,.{places}f}"


def cost_legend(shown: Iterable[str]) -> list[str]:
    """Explain the marks that `dollars` wrote, each in a line; those that do not occur are left out.

    Args:
        shown: The amounts that are shown.
    """
    amounts = set(shown)
    unmarked = {amount.removeprefix(ASSUMED_MARK) for amount in amounts}
    occurs = {
        ASSUMED_MARK: unmarked != amounts,
        **{mark: mark in unmarked for mark in (_FREE, _TOO_SMALL, UNPRICED)},
    }
    marks = [mark for mark in _LEGEND if occurs[mark]]
    width = max(map(len, marks), default=0)
    return [f"{mark:{width}}  {_LEGEND[mark]}" for mark in marks]
