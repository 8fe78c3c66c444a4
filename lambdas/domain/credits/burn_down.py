"""The rules by which usage draws grants down. Everything here is pure.

A cell is the usage of one hour with the same labels. Only the difference between its counted and
its booked cost is booked, so that a repeat books nothing.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from lambdas.domain.budgets import ScopeField, read_label
from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits.booked_cells import Payment
from lambdas.domain.credits.entries import Account, AccountKind
from lambdas.domain.credits.grants import CreditBook, CreditGrant, GrantBalance
from lambdas.domain.credits.scopes import scope_key

_Fields: TypeAlias = tuple[ScopeField, ...]
_Placed: TypeAlias = tuple[int, CreditGrant]
"""A grant after its place in the order of payment, which no other one has."""


class GrantFinder:
    """Finds the grants of many cells.

    Their terms never change. So they are sorted once, and compared once with each combination of
    the labels that their scopes name.
    """

    def __init__(self, balances: Iterable[GrantBalance]) -> None:
        """Find grants among these, without those that are voided."""
        grants = (balance.grant for balance in balances if not balance.is_voided)
        self._by_fields = defaultdict[_Fields, list[_Placed]](list)
        for place, grant in enumerate(sorted(grants, key=lambda grant: grant.burn_order)):
            self._by_fields[tuple(grant.scope.conditions)].append((place, grant))
        self._found: dict[tuple[_Fields, tuple[str, ...]], list[_Placed]] = {}

    def find_governing(
        self, balances: Mapping[str, GrantBalance], hour: datetime, labels: UsageLabels
    ) -> tuple[GrantBalance, ...]:
        """Find the grants that put the usage of an hour under credits, in the order of payment.

        Grants that are used up or have expired are among them, so that usage after them is overage.

        Args:
            balances: The same grants by id, as they are by now.
            hour: The start of the hour.
            labels: The labels of the usage.
        """
        placed = heapq.merge(*(self._find(fields, labels) for fields in self._by_fields))
        return tuple(balances[grant.id] for _, grant in placed if grant.effective_from <= hour)

    def _find(self, fields: _Fields, labels: UsageLabels) -> list[_Placed]:
        """Find the grants with conditions on some labels."""
        key = fields, tuple(read_label(field, labels) for field in fields)
        if key not in self._found:
            self._found[key] = [
                (place, grant)
                for place, grant in self._by_fields[fields]
                if grant.scope.includes(labels)
            ]
        return self._found[key]


def find_governing(
    balances: Iterable[GrantBalance], hour: datetime, labels: UsageLabels
) -> tuple[GrantBalance, ...]:
    """Find the grants that put one usage under credits, see `GrantFinder.find_governing`."""
    by_id = {balance.grant.id: balance for balance in balances}
    return GrantFinder(by_id.values()).find_governing(by_id, hour, labels)


def find_payers(governing: Iterable[GrantBalance], hour: datetime) -> tuple[GrantBalance, ...]:
    """Find the governing grants that can pay for usage of an hour, in the same order."""
    return tuple(
        balance
        for balance in governing
        if balance.is_open and balance.picodollars > 0 and balance.grant.is_effective(hour)
    )


def is_under_credits(book: CreditBook, hour: datetime, labels: UsageLabels) -> bool:
    """Say if usage is booked: a grant that is not voided covers it and has begun."""
    return bool(find_governing(book.grants.values(), hour, labels))


def has_credit(book: CreditBook, hour: datetime, labels: UsageLabels) -> bool:
    """Say if a grant can pay for usage, or if the usage is not under credits at all."""
    governing = find_governing(book.grants.values(), hour, labels)
    return not governing or bool(find_payers(governing, hour))


def burn_down(
    payers: Sequence[GrantBalance], picodollars: int, overage: Account
) -> tuple[Payment, ...]:
    """Pay for usage: each grant pays as much as it has, and the rest is overage.

    Args:
        payers: The grants that can pay, in order.
        picodollars: The cost, at least 0.
        overage: The account of usage that no grant pays for.
    """
    payments, rest = list[Payment](), picodollars
    for payer in payers:
        paid = min(rest, payer.picodollars)
        if paid > 0:
            payments.append(Payment(get_account(payer.grant), paid))
            rest -= paid
    if rest:
        payments.append(Payment(overage, rest))
    return tuple(payments)


def reverse(payments: Sequence[Payment], picodollars: int) -> tuple[Payment, ...]:
    """List what goes back to whom if a cost falls: the last payments first, as they were recorded.

    Args:
        payments: The payments, in the order of booking.
        picodollars: The amount by which the cost falls, at most what was paid.
    """
    returned, rest = list[Payment](), picodollars
    for account, paid in reversed(payments):
        back = min(rest, paid)
        if back > 0:
            returned.append(Payment(account, back))
            rest -= back
    return tuple(returned)


def find_overage(governing: Sequence[GrantBalance]) -> Account:
    """Find the account of overage: that of the scope of the governing grant that pays last."""
    return Account(AccountKind.OVERAGE, scope_key(governing[-1].grant.scope))


def get_account(grant: CreditGrant) -> Account:
    """Get the account with the rest of a grant."""
    return Account(AccountKind.GRANT, grant.id)


def append_payment(payments: Sequence[Payment], added: Payment) -> tuple[Payment, ...]:
    """Append a payment; one by the account that paid last is added to that."""
    if payments and payments[-1].account == added.account:
        *before, last = payments
        return (*before, Payment(last.account, last.picodollars + added.picodollars))
    return (*payments, added)


def take_back(payments: Sequence[Payment], picodollars: int) -> tuple[Payment, ...]:
    """Remove an amount from the last payments."""
    kept, rest = list(payments), picodollars
    while rest:
        account, paid = kept.pop()
        if paid > rest:
            kept.append(Payment(account, paid - rest))
        rest -= min(paid, rest)
    return tuple(kept)
