"""Scopes whose credits are exhausted: the brake and the gateway read them, by setting."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from lambdas.domain.budgets import BudgetScope, digest_value
from lambdas.domain.credits.scopes import scope_key
from lambdas.domain.times import read_time, write_time

LOW_PERCENT = 20
"""The rest of a scope's grants at which people are notified by default, in percent."""


class ExhaustedAction(StrEnum):
    """A part of the meter that stops usage whose credits are exhausted."""

    BRAKE = "brake"
    """It denies the callers that the scope names."""
    GATEWAY = "gateway"
    """It refuses calls in the scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustedScope:
    """A scope without an effective open grant that has a rest.

    Attributes:
        scope: The scope.
        since: The time at which the meter noticed it first, UTC.
        because: The reason in words, such as "grants june and july are used up".
    """

    scope: BudgetScope
    since: datetime
    because: str

    @property
    def key(self) -> str:
        """A text that is the same for the same conditions, in whatever order."""
        return digest_value(scope_key(self.scope))


class ExhaustedScopes(Protocol):
    """The scopes that are exhausted now."""

    def list_exhausted(self) -> Sequence[ExhaustedScope]:
        """List those that can be read."""

    def replace(self, exhausted: Sequence[ExhaustedScope]) -> None:
        """Store these and no other. A scope that is stored already stays as it is."""


def write_exhausted(exhausted: ExhaustedScope) -> dict[str, Any]:
    """Write an exhausted scope as a document."""
    return {
        "scope": json.loads(scope_key(exhausted.scope)),
        "since": write_time(exhausted.since),
        "because": exhausted.because,
    }


def read_exhausted(document: Mapping[str, Any]) -> ExhaustedScope:
    """Read a document that `write_exhausted` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is another one.
    """
    conditions = {name: tuple(map(str, names)) for name, names in document["scope"].items()}
    return ExhaustedScope(
        scope=BudgetScope(**conditions),
        since=read_time(document["since"]),
        because=str(document["because"]),
    )
