"""Amounts of a call in each unit that a limit can have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LimitUnit(StrEnum):
    """Units of limits."""

    QUOTA_TOKENS = "quota_tokens"
    """Tokens as Bedrock counts them against its own quota."""
    TOTAL = "total"
    INPUT = "input"
    OUTPUT = "output"
    USD = "usd"
    """Pico-dollars."""
    REQUESTS = "requests"
    CONCURRENT = "concurrent"
    """Calls at the same time."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """The most that a call needs, or its use; `None` where that is not known.

    Attributes:
        quota_tokens: Tokens that count against Bedrock's quota.
        total: All tokens.
        input: Tokens of the input, without cached ones.
        output: Tokens of the output.
        usd: Pico-dollars.
        requests: Requests: 1, or 0 for a call that does not count.
    """

    quota_tokens: int | None = None
    total: int | None = None
    input: int | None = None
    output: int | None = None
    usd: int | None = None
    requests: int = 1

    def __post_init__(self) -> None:
        """Refuse negative amounts.

        Raises:
            ValueError: An amount is negative.
        """
        for unit in _COUNTED_UNITS:
            amount = self.get(unit)
            if amount is not None and amount < 0:
                message = f"{unit}: {amount} is negative"
                raise ValueError(message)

    def get(self, unit: LimitUnit) -> int | None:
        """Get the amount in a unit; a call is one concurrent call."""
        if unit is LimitUnit.CONCURRENT:
            return 1
        amount: int | None = getattr(self, unit.value)
        return amount


_COUNTED_UNITS = [unit for unit in LimitUnit if unit is not LimitUnit.CONCURRENT]
NO_USE = Amounts(0, 0, 0, 0, 0, requests=0)
"""The use of a call that was not made: all of its reservation is given back."""
