"""Ports of policies: where they are stored, and who hears of marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.limit_policies.marks import NearMark
from lambdas.domain.limit_policies.policy import PolicySet


class PoliciesUnavailableError(Exception):
    """Policies cannot be read, and none were read before."""


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


class PolicyStore(Protocol):
    """Stores policies."""

    def read(self) -> StoredPolicies:
        """Read the stored policies."""

    def write(self, text: str, revision: int, at: datetime) -> StoredPolicies:
        """Replace the stored policies.

        Raises:
            PoliciesChangedError: They have another revision by now.
        """


class PolicySource(Protocol):
    """Gives the policies in force, from memory where it can."""

    def get(self, now: datetime) -> PolicySet:
        """Get the policies.

        Raises:
            PoliciesUnavailableError: They cannot be read, and were not before.
        """


class MarkReports(Protocol):
    """Reports marks, each once."""

    def report(self, marks: Sequence[NearMark], at: datetime) -> int:
        """Report those that were not reported yet, and return their number."""
