"""Finds the scopes without credits that cover calls of the gateway.

It takes long to import, as all of credits: the gateway does so once a scope is without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.credits import (
    CreditBook,
    CreditSwitch,
    ExhaustedScope,
    floor_hour,
    list_paying_scopes,
    list_unpaid_scopes,
    may_be_paid,
    name_for_callers,
)
from lambdas.domain.limit_policies import MissingCredits


class _ScopesOfHour(NamedTuple):
    """The scopes of an hour.

    Attributes:
        unpaid: Those without credits.
        paying: Those for whose usage grants can pay.
    """

    unpaid: Sequence[BudgetScope]
    paying: Sequence[BudgetScope]


@dataclass(frozen=True, slots=True)
class CreditScopes:
    """Finds the scopes without credits that cover calls.

    A label that is not known meets every condition of grants that have some credit, and none of
    scopes without credits. So a call is refused only if it is in such a scope for certain, and no
    grant may pay for it: the usage of others is overage.

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
    _hours: dict[datetime, _ScopesOfHour] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def find(
        self, key: ApiKey, path: BedrockPath, at: datetime, *, invoked_model_id: str | None = None
    ) -> MissingCredits:
        """Find those of a call. While a grant cannot be read, it may be the one that pays."""
        if self.book.unreadable:
            return MissingCredits()
        labels, unknown = self.labels.read(key, path, at, invoked_model_id)
        scopes = self._list_scopes(at)
        covering = [
            scope
            for scope in scopes.unpaid
            if scope.conditions.keys().isdisjoint(unknown) and scope.includes(labels)
        ]
        if not covering or may_be_paid(scopes.paying, labels, unknown):
            return MissingCredits()
        names = tuple(sorted({name_for_callers(scope) for scope in covering}))
        return MissingCredits(names, self.switch.is_on)

    def _list_scopes(self, at: datetime) -> _ScopesOfHour:
        """List the scopes, once an hour: grants begin and end with hours."""
        hour = floor_hour(at)
        if hour not in self._hours:
            self._hours.clear()
            self._hours[hour] = _ScopesOfHour(
                list_unpaid_scopes(self.exhausted, self.book, at),
                list_paying_scopes(self.book, at),
            )
        return self._hours[hour]
