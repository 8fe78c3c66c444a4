"""The outcome of credits over log files: what was burned, what is left, and when it was used up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards.reports.credit_usage import CreditUsage
from lambdas.domain.credits import (
    NO_BURN,
    Burn,
    BurnRates,
    CreditGrant,
    CreditReplay,
    ScopeCredits,
    count_days_left,
    find_governing,
    find_overage,
    list_scopes,
    measure_rates,
    replay_credits,
    sum_burned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOutcome:
    """The credits of a scope at the end of the logs.

    Attributes:
        credits: Its grants.
        burn: The usage that was booked.
        rates: How fast it was booked at the end.
        exhausted_in: The hours in which its credits were exhausted: the first, and those in which
            a later grant was.
        unpriced_calls: The calls without a known price, which drew nothing down.
    """

    credits: ScopeCredits
    burn: Burn
    rates: BurnRates
    exhausted_in: Sequence[datetime]
    unpriced_calls: int

    @property
    def expired_picodollars(self) -> int:
        """The rest of grants at their ends, which is lost."""
        used = self.burn.paid_picodollars + self.credits.balance_picodollars
        return self.credits.granted_picodollars - used

    @property
    def days_left(self) -> float | None:
        """The days until no grant has a rest, at the rate of the last week; `None` if unknown."""
        if not self.credits.balance_picodollars:
            return None
        return count_days_left(self.credits, self.rates.week)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditOutcome:
    """The credits of all scopes at the end of the logs.

    Attributes:
        scopes: The scopes.
        later: The grants that begin after the end.
    """

    scopes: Sequence[ScopeOutcome] = ()
    later: Sequence[CreditGrant] = ()


def find_credit_outcomes(usage: CreditUsage, grants: Sequence[CreditGrant]) -> CreditOutcome:
    """Draw grants down by usage, after the last call."""
    replay = replay_credits(grants, usage.picodollars, usage.end)
    scopes = list_scopes(replay.book, usage.end)
    burned = sum_burned(replay.entries, datetime.min.replace(tzinfo=usage.end.tzinfo), usage.end)
    rates, unpriced = measure_rates(replay.entries, scopes), _count_unpriced(usage, replay)
    return CreditOutcome(
        scopes=[
            ScopeOutcome(
                credits=scope,
                burn=burned.get(scope.key, NO_BURN),
                rates=rates[scope.key],
                exhausted_in=replay.exhausted_in.get(scope.key, []),
                unpriced_calls=unpriced[scope.key],
            )
            for scope in scopes
        ],
        later=[grant for grant in grants if grant.id not in replay.book.grants],
    )


def _count_unpriced(usage: CreditUsage, replay: CreditReplay) -> Counter[str]:
    """Count calls without a price by the key of the scope whose overage they would be."""
    calls = Counter[str]()
    for cell, number in usage.unpriced.items():
        governing = find_governing(replay.book.grants.values(), *cell) if number else ()
        if governing:
            calls[find_overage(governing).name] += number
    return calls
