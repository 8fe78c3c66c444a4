"""Finds the scopes without credits that cover calls of the gateway.

It takes long to import, as all of credits: the gateway does so once a scope is without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.credits import (
    CreditBook,
    CreditSwitch,
    ExhaustedScope,
    UnpaidScope,
    find_unpaid,
    floor_hour,
    may_be_paid,
    name_for_callers,
)
from lambdas.domain.limit_policies import MissingCredits


@dataclass(frozen=True, slots=True)
class CreditScopes:
    """Finds the scopes without credits that cover calls.

    A label that is not known meets every condition: of scopes without credits, and also of grants
    that have some. So a call is refused only if no grant may pay for it.

    Attributes:
        exhausted: The scopes that were noticed.
        book: All grants.
        switch: The switch of credits.
        labels: The labels of calls.
    """

    exhausted: Sequence[ExhaustedScope]
    book: CreditBook
    switch: CreditSwitch
    labels: CallLabels
    _unpaid: dict[datetime, Sequence[UnpaidScope]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def find(
        self, key: ApiKey, path: BedrockPath, at: datetime, *, invoked_model_id: str | None = None
    ) -> MissingCredits:
        """Find those of a call. While a grant cannot be read, it may be the one that pays."""
        if self.book.unreadable:
            return MissingCredits()
        labels, unknown = self.labels.read(key, path, at, invoked_model_id)
        covering = [
            each.scope for each in self._find_unpaid(at) if each.scope.includes(labels, unknown)
        ]
        if not covering or may_be_paid(self.book, at, labels, unknown):
            return MissingCredits()
        names = tuple(sorted({name_for_callers(scope) for scope in covering}))
        return MissingCredits(names, self.switch.is_on)

    def _find_unpaid(self, at: datetime) -> Sequence[UnpaidScope]:
        """Find the scopes without credits, once an hour: grants begin and end with hours."""
        hour = floor_hour(at)
        if hour not in self._unpaid:
            self._unpaid.clear()
            self._unpaid[hour] = find_unpaid(self.exhausted, self.book, at)
        return self._unpaid[hour]
