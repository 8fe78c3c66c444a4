"""Finds usage that no grant pays for, which the brake and the gateway can stop."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.budgets import (
    BudgetScope,
    ScopeField,
    find_brake_obstacle,
    list_named_callers,
)
from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits.exhausted import ExhaustedScope, ExhaustedScopes
from lambdas.domain.credits.grants import CreditBook
from lambdas.domain.credits.ports import CreditStore
from lambdas.domain.credits.scopes import scope_key
from lambdas.domain.credits.status import ScopeCredits, list_scopes
from lambdas.domain.credits.switch import CreditSwitchReader
from lambdas.domain.credits.validation import floor_hour

_OF_ANY_CALL = frozenset({*ScopeField} - {ScopeField.IDENTITY, ScopeField.PRINCIPAL})
"""The labels that differ among the calls of one caller."""


class UnpaidScope(NamedTuple):
    """A scope without credits.

    Attributes:
        exhausted: The scope, as it was noticed.
        granted_picodollars: The amounts of its grants that are not voided.
        used_picodollars: The part of them that is gone.
        callers: The ARNs that it names, if no other grant may pay for their usage.
    """

    exhausted: ExhaustedScope
    granted_picodollars: int
    used_picodollars: int
    callers: tuple[str, ...]

    @property
    def names_callers(self) -> bool:
        """True if the scope names callers and all of their usage, whoever pays for it."""
        return find_brake_obstacle(self.scope, None) is None

    @property
    def scope(self) -> BudgetScope:
        """The scope."""
        return self.exhausted.scope

    @property
    def key(self) -> str:
        """The key of the scope."""
        return scope_key(self.scope)


class CreditState(NamedTuple):
    """The state of credits that decides if callers are denied.

    Attributes:
        unpaid: The scopes without credits.
        is_on: True if the switch of credits is on.
    """

    unpaid: Sequence[UnpaidScope] = ()
    is_on: bool = False


class CreditStateReader(Protocol):
    """Reads the state of credits."""

    def read_state(self, now: datetime) -> CreditState | None:
        """Read the state; `None` if it is not known, such as while a grant cannot be read."""


@dataclass(frozen=True, slots=True)
class StoredCreditState:
    """The state of credits from what is stored.

    Attributes:
        exhausted: The scopes that were noticed as exhausted.
        store: The books.
        switch: The switch of credits.
    """

    exhausted: ExhaustedScopes
    store: CreditStore
    switch: CreditSwitchReader

    def read_state(self, now: datetime) -> CreditState | None:
        """Read the state; `None` if a grant cannot be read, which may be the one that pays.

        The switch goes first: while it is off, nothing is denied, whatever can be read.
        """
        switch, exhausted = self.switch.read(), self.exhausted.list_exhausted()
        if not exhausted:
            return CreditState((), switch.is_on)
        book = self.store.read_book()
        if book.unreadable:
            return None if switch.is_on else CreditState()
        return CreditState(find_unpaid(exhausted, book, now), switch.is_on)


def find_unpaid(
    exhausted: Iterable[ExhaustedScope], book: CreditBook, now: datetime
) -> tuple[UnpaidScope, ...]:
    """Find the scopes that are still exhausted, with the callers that they name.

    A scope may have credit again, or all of its grants may be voided, since it was noticed.

    Args:
        exhausted: The scopes that were noticed.
        book: All grants.
        now: The time.
    """
    paying = list_paying_scopes(book, now)
    return tuple(
        UnpaidScope(
            each,
            scope.granted_picodollars,
            scope.granted_picodollars - sum(balance.picodollars for balance in scope.grants),
            tuple(_list_unpaid_callers(each.scope, paying)),
        )
        for each, scope in _list_exhausted(exhausted, book, now)
    )


def list_unpaid_scopes(
    exhausted: Iterable[ExhaustedScope], book: CreditBook, now: datetime
) -> tuple[BudgetScope, ...]:
    """List the scopes that are still exhausted, see `find_unpaid`."""
    return tuple(each.scope for each, _ in _list_exhausted(exhausted, book, now))


def list_paying_scopes(book: CreditBook, now: datetime) -> tuple[BudgetScope, ...]:
    """List the scopes for whose usage grants can pay now, each once, the widest ones first."""
    hour = floor_hour(now)
    paying = {
        scope_key(balance.grant.scope): balance.grant.scope
        for balance in book.grants.values()
        if balance.is_open and balance.picodollars > 0 and balance.grant.is_effective(hour)
    }
    return tuple(sorted(paying.values(), key=lambda scope: len(scope.conditions)))


def may_be_paid(
    paying: Iterable[BudgetScope], labels: UsageLabels, unknown: Collection[ScopeField] = ()
) -> bool:
    """Say if a grant may pay for usage.

    Args:
        paying: The scopes for whose usage grants can pay.
        labels: The labels of the usage.
        unknown: Those that are not known: they meet every condition.
    """
    return any(scope.includes(labels, unknown) for scope in paying)


def _list_exhausted(
    exhausted: Iterable[ExhaustedScope], book: CreditBook, now: datetime
) -> Iterator[tuple[ExhaustedScope, ScopeCredits]]:
    scopes = {scope.key: scope for scope in list_scopes(book, now)}
    for each in exhausted:
        scope = scopes.get(scope_key(each.scope))
        if scope is not None and not scope.balance_picodollars:
            yield each, scope


def _list_unpaid_callers(scope: BudgetScope, paying: Sequence[BudgetScope]) -> Iterator[str]:
    named = list_named_callers(scope) if find_brake_obstacle(scope, None) is None else ()
    for arn in named:
        labels, unknown = _make_labels(arn, scope)
        if not may_be_paid(paying, labels, unknown):
            yield arn


def name_for_callers(scope: BudgetScope) -> str:
    """Name a scope without the ARNs of other callers, such as `credits:project=chat`."""
    return f"credits:{','.join(_list_conditions(scope)) or 'account'}"


def _list_conditions(scope: BudgetScope) -> Iterator[str]:
    for field, names in scope.conditions.items():
        is_of_callers = field in {ScopeField.IDENTITY, ScopeField.PRINCIPAL}
        yield field.value if is_of_callers else f"{field.value}={'|'.join(sorted(names))}"


def _make_labels(arn: str, scope: BudgetScope) -> tuple[UsageLabels, Collection[ScopeField]]:
    """Make the labels of a caller of a scope. A role or a user can have any session."""
    labels = UsageLabels(
        identity_arn=arn,
        project=UNATTRIBUTED,
        department=UNATTRIBUTED,
        use_case=UNATTRIBUTED,
        model_id="",
        provider="",
        region="",
        service_tier="",
    )
    is_identity = bool(scope.identity)
    return labels, _OF_ANY_CALL if is_identity else _OF_ANY_CALL | {ScopeField.IDENTITY}
