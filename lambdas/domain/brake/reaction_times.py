"""The time that a deny needs to take effect, measured on the sums that it stops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.domain.brake.braking_point import BurnRates
from lambdas.domain.brake.denies import Deny, DenyState, ReactionWatch
from lambdas.domain.brake.wanted import list_callers
from lambdas.domain.budgets import BudgetStatus

ASSUMED_REACTION = timedelta(seconds=120)
"""The reaction time until enough are measured."""
MAX_REACTIONS = 50
"""The last reaction times, which are kept."""
MIN_REACTIONS = 10
"""The number below which the assumed time is used, unless a measured one is longer."""
_OBSERVATION = timedelta(minutes=10)
"""The time after an attachment for which a sum is observed: longer than logs are late."""
_MAX_READING_AGE = timedelta(minutes=2)
"""The age of a reading from which a measurement may begin: two runs of the brake."""
MAX_REACTION = _OBSERVATION + _MAX_READING_AGE
"""The longest reaction time that counts."""
_PERCENTILE = 99


def estimate_reaction(measured: Collection[timedelta]) -> timedelta:
    """Estimate the reaction time: the 99th percentile of the last ones.

    While few are measured, it is at least the assumed one. It is a whole rank, never interpolated:
    of 50 it is the longest.

    No measurement counts for more than `MAX_REACTION`: the observation, and the two minutes before
    the attachment. A longer one says how long the brake was idle, not how long a deny takes.
    """
    ordered = sorted(min(reaction, MAX_REACTION) for reaction in measured)
    if not ordered:
        return ASSUMED_REACTION
    longest = ordered[-(-len(ordered) * _PERCENTILE // 100) - 1]
    return longest if len(ordered) >= MIN_REACTIONS else max(longest, ASSUMED_REACTION)


def begin_watch(
    deny: Deny, status: BudgetStatus | None, rates: BurnRates, now: datetime
) -> ReactionWatch | None:
    """Begin to measure a reaction time: from the last reading below the braking point.

    It is measured only if the sum is that of the denied caller alone, and the reading is recent. A
    process that was idle has old ones, which say nothing about the time that a deny needs.

    Args:
        deny: The deny, which is attached now.
        status: The sum that it is for; `None` if that was not read.
        rates: The readings of sums.
        now: The time.
    """
    if status is None or len(deny.causes) > 1:
        return None
    if len(list_callers(status.stored.budget, status.value)) > 1:
        return None
    began_at = rates.get_last_reading(status, now)
    if began_at is None or began_at < now - _MAX_READING_AGE:
        return None
    return ReactionWatch(began_at, now, status.used)


def read_reaction(deny: Deny, now: datetime) -> timedelta | None:
    """Read the reaction time of a deny, at most the maximum, once its sum was observed enough."""
    watch, attached_at = deny.watch, deny.attached_at
    if watch is None or attached_at is None or now < attached_at + _OBSERVATION:
        return None
    return min(watch.grown_at - watch.began_at, MAX_REACTION)


def observe(deny: Deny, status: BudgetStatus | None, now: datetime) -> Deny:
    """Note if the sum of a deny has grown since the last reading."""
    watch = deny.watch
    is_denied = deny.state is DenyState.DENIED
    if watch is None or status is None or not is_denied or status.used <= watch.used:
        return deny
    return replace(deny, watch=watch._replace(grown_at=now, used=status.used))
