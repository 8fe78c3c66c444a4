"""Money as reports show it, and the legend of its marks."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

UNPRICED = "unpriced"
"""The cost of calls without a known price. They are not free."""
ASSUMED_MARK = "~"
"""Stands before a cost that holds an assumed price."""
_PLACES = 4
_SMALLEST_SHOWN = Decimal(1).scaleb(-_PLACES)
_FREE = "$0"
_TOO_SMALL = f"<${_SMALLEST_SHOWN}"
_LEGEND = {
    _FREE: "the price is 0, or no tokens were used",
    _TOO_SMALL: "more than 0, but less than a hundredth of a cent",
    ASSUMED_MARK: (
        "holds an assumed price: the place of a call has none, so the dearest one that is listed"
        " for its model elsewhere is taken"
    ),
    UNPRICED: "the cost is not known, which does not mean that the calls are free",
}


def dollars(usd: Decimal | None, *, is_assumed: bool = False) -> str:
    """Write an amount for people: no cost, a tiny one, an assumed one and none known differ.

    Example:
        >>> dollars(Decimal("1234.5")), dollars(Decimal("0.00004")), dollars(Decimal(0))
        ('$1,234.5000', '<$0.0001', '$0')
    """
    if usd is None:
        return UNPRICED
    mark = ASSUMED_MARK if is_assumed else ""
    if not usd:
        return f"{mark}{_FREE}"
    return f"{mark}{_TOO_SMALL}" if 0 < usd < _SMALLEST_SHOWN else f"{mark}${usd:,.{_PLACES}f}"


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
