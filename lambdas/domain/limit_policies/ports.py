"""Ports of policies: their store, the prices of calls, and reports of marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.limit_policies.marks import NearMark
from lambdas.domain.limit_policies.policy import PolicySet


class PoliciesUnavailableError(Exception):
    """Policies cannot be read."""


class PoliciesChangedError(Exception):
    """Someone else has written policies since they were read."""


class StoredPolicies(NamedTuple):
    """The policies as they are stored.

    Attributes:
        text: The JSON that `limits apply` was given, without its spaces; `None` before the first.
        revision: The number of the last write.
    """

    text: str | None = None
    revision: int = 0


class PolicyChange(NamedTuple):
    """New policies in place of the stored ones.

    Attributes:
        text: The policies as JSON.
        revision: The revision that they replace; 0 for the first ones.
        before: What the audit trail says of those before; `None` if there were none.
        after: What it says of the new ones.
    """

    text: str
    revision: int
    before: Mapping[str, str] | None
    after: Mapping[str, str]


class PolicyStore(Protocol):
    """Stores policies."""

    def read(self) -> StoredPolicies:
        """Read the stored policies.

        Raises:
            PoliciesUnavailableError: They cannot be read.
        """


class PolicyWriter(Protocol):
    """Writes policies."""

    def write(self, change: PolicyChange, at: datetime) -> int:
        """Replace the stored policies, and return the new revision.

        Raises:
            PoliciesChangedError: Someone else has written since they were read.
        """


class PolicySource(Protocol):
    """Gives the policies in force, from memory where it can."""

    def get(self, now: datetime) -> PolicySet:
        """Get the policies.

        Raises:
            PoliciesUnavailableError: They cannot be read, and were not before.
        """


class PricesUnavailableError(Exception):
    """Prices cannot be read, and were not before."""


class TokenPrices(Protocol):
    """Prices calls, as `CallPrices` does."""

    def price(
        self, asked: AskedCall, tokens: TokenCounts, served: ServedCall | None = None
    ) -> Decimal | None:
        """Price a call; `None` if a price is not known. See `CallPrices.price`.

        Raises:
            PricesUnavailableError: Prices cannot be read, and were not before.
        """


class MarkReports(Protocol):
    """Reports marks, each once."""

    def report(self, marks: Sequence[NearMark], at: datetime) -> int:
        """Report those that were not reported yet, and return their number."""
