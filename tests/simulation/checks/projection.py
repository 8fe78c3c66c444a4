"""The form of a check: a projection of the ledger against the truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tests.simulation.account import Account

_ROUNDING = 1e-9


class Difference(NamedTuple):
    """One value of a projection that is not as it should be.

    Attributes:
        projection: The projection.
        subject: The value.
        expected: The value by the truth.
        found: The value in the projection.
        missing: How much may be missing, since it was reported as lost.
        repeatable: How much may be too much, since it may be a repetition.
    """

    projection: str
    subject: str
    expected: float
    found: float
    missing: float = 0
    repeatable: float = 0

    @property
    def is_lost(self) -> bool:
        """True if something is missing that was not reported."""
        return self.found < self.expected - self.missing - _rounding(self.expected)

    @property
    def is_doubled(self) -> bool:
        """True if there is more than interruptions explain."""
        return self.found > self.expected + self.repeatable + _rounding(self.expected)

    @property
    def is_wrong(self) -> bool:
        """True if the value cannot be explained."""
        return self.is_lost or self.is_doubled

    @property
    def repeated(self) -> float:
        """The part that came twice."""
        return max(0.0, self.found - self.expected)

    def describe(self) -> str:
        """Describe it in a line."""
        kind = "lost" if self.is_lost else "doubled"
        allowed = f"allowed: -{self.missing:g} +{self.repeatable:g}"
        return (
            f"{self.projection}: {kind}: {self.subject}:"
            f" {self.found:g} instead of {self.expected:g} ({allowed})"
        )


def _rounding(value: float) -> float:
    return _ROUNDING * max(1.0, abs(value))


class Projection(Protocol):
    """A part of the account that the ledger determines.

    Counters and accumulators of budgets have a class of this form each, in a module of their own.
    """

    name: str

    def compare(self, account: Account) -> Iterable[Difference]:
        """Compare every value with the truth; equal ones may be left out."""
