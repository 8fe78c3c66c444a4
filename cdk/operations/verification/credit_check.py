"""Checks that a grant of credits is in the books with its entry, and that a void closes it."""

from __future__ import annotations

from datetime import UTC, datetime

from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    CreditGrant,
    CreditsChangedError,
    CreditStore,
    GrantBalance,
    floor_hour,
    grant_entry,
    sum_balances,
    void,
)

_BOOKER = "CreditBooker"
_SCOPE = BudgetScope(project=("bedrock-meter-verification",))
"""A project that no call has."""
_PICODOLLARS = 1_000_000
"""A millionth of a dollar."""


def check_credits(meter: VerifiedMeter) -> str:
    """Grant a millionth of a dollar to usage that there is not, run the function, and void it."""
    if not meter.config.credits:
        message = "credits are off: set governance and credits"
        raise CheckSkippedError(message)
    store, now = meter.credits, datetime.now(UTC)
    granted = grant_entry(
        CreditGrant(
            id=f"verification-{now:%Y%m%d%H%M%S}",
            picodollars=_PICODOLLARS,
            scope=_SCOPE,
            effective_from=floor_hour(now),
            created_at=now,
        )
    )
    (balance,) = granted.grants
    store.add_grant(balance, granted.entry)
    try:
        meter.start(_BOOKER)
        _check_balance(store, balance.grant.id, _PICODOLLARS)
    finally:
        _void(store, balance.grant.id)
    _check_balance(store, balance.grant.id, 0)
    total = sum(sum_balances(store.list_entries()).values())
    if total:
        message = f"the entries of the books sum to {total}, not to 0"
        raise CheckFailedError(message)
    return (
        "a grant was stored with its entry, the function ran, and the grant was voided; all"
        " accounts sum to 0. No usage was booked. Both entries stay in the books"
    )


def _check_balance(store: CreditStore, name: str, expected: int) -> None:
    """Check what is left of a grant.

    Raises:
        CheckFailedError: It is not in the books, or something else is left.
    """
    found = _find(store, name)
    if found is None or found.picodollars != expected:
        left = "nothing is stored" if found is None else f"{found.picodollars} are left"
        message = f"of grant {name}, {expected} pico-dollars should be left, and {left}"
        raise CheckFailedError(message)


def _void(store: CreditStore, name: str) -> None:
    """Void a grant. Usage cannot change it meanwhile, since no call is in its scope.

    Raises:
        CheckFailedError: It cannot be voided.
    """
    found = _find(store, name)
    booking = None if found is None else void(found, datetime.now(UTC))
    if booking is None:
        return
    try:
        store.commit(*booking)
    except CreditsChangedError as error:
        message = f"void grant {name} yourself, since something has changed it: {error}"
        raise CheckFailedError(message) from error


def _find(store: CreditStore, name: str) -> GrantBalance | None:
    return store.read_book().grants.get(name)
