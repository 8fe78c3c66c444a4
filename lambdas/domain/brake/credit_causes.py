"""Exhausted credits as causes of denies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lambdas.domain.brake.denies import CREDITS, CREDITS_GENERATION, CauseKey, DenyCause
from lambdas.domain.brake.targets import (
    Exemption,
    NotEnforceable,
    Target,
    TargetRules,
    choose_target,
)
from lambdas.domain.budgets import BudgetAmount, BudgetPeriod, BudgetUnit
from lambdas.domain.credits import CreditState, UnpaidScope, describe_scope, floor_hour

_PERIOD = timedelta(days=30)
"""The time after which the same exhausted credits are reported again."""
_DAY = timedelta(days=1)


def list_credit_causes(
    state: CreditState, rules: TargetRules, now: datetime
) -> Iterator[tuple[Target | NotEnforceable, DenyCause]]:
    """List the callers whose credits are exhausted, with the cause of each deny.

    A scope that names no caller is listed as one that cannot be denied.

    Args:
        state: The state of credits.
        rules: The rules of targets.
        now: The time.
    """
    for unpaid in state.unpaid:
        cause = make_credit_cause(unpaid, now)
        for arn in unpaid.callers:
            yield choose_target(arn, rules), cause
        if not unpaid.names_callers:
            name = f"credits of {describe_scope(unpaid.scope)}"
            yield NotEnforceable(name, Exemption.NO_CALLER), cause


def make_credit_cause(unpaid: UnpaidScope, now: datetime) -> DenyCause:
    """Make the cause of a deny by exhausted credits.

    Credits have no period. That of the cause is a month from when they were noticed as exhausted,
    then the next one, so that messages are sent once a month. The deny would end after a day or two
    if the meter did nothing any more.

    Args:
        unpaid: The scope without credits.
        now: The time.
    """
    since = min(floor_hour(unpaid.exhausted.since), floor_hour(now))
    start = since + (now - since) // _PERIOD * _PERIOD
    period = BudgetPeriod(f"{start:%Y-%m-%dT%H}", start, start + _PERIOD)
    amount = BudgetAmount(BudgetUnit.USD, unpaid.granted_picodollars)
    day = floor_hour(now).replace(hour=0)
    return DenyCause(
        CauseKey(CREDITS, CREDITS_GENERATION, unpaid.key, period),
        day + 2 * _DAY,
        amount,
        unpaid.used_picodollars,
        0,
    )
