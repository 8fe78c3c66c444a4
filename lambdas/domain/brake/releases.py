"""Releases by hand, and the switch of the brake: states that no event of their own undoes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.brake.denies import CauseKey, Deny
from lambdas.domain.budgets import BudgetBook

_HOUR = timedelta(hours=1)


class BrakeSwitch(NamedTuple):
    """The switch of the brake. Off, nothing is denied, and all that is denied is released.

    Attributes:
        is_on: True if callers may be denied.
        by: Who set it; `None` if it was never set.
        at: The time at which it was set; likewise.
    """

    is_on: bool = False
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release by hand: a caller is not denied for a budget until the end of its period.

    Attributes:
        target_arn: The ARN of the caller.
        key: The sum that it was denied for.
        level: The amount of the budget then. If the amount is lowered below it, the release ends.
        until: The time at which it ends, if that is before the end of the period.
        by: Who released it.
        at: The time of the release.
    """

    target_arn: str
    key: CauseKey
    level: int
    until: datetime | None
    by: str
    at: datetime

    def covers(self, target_arn: str, key: CauseKey, limit: int, now: datetime) -> bool:
        """Say if a caller is not denied for a sum now.

        A window that moves is released until none of its hours was in the released one.

        Args:
            target_arn: The ARN of the caller.
            key: The sum.
            limit: The amount of the budget now.
            now: The time.
        """
        return (
            target_arn == self.target_arn
            and key.overlaps(self.key)
            and limit >= self.level
            and (self.until is None or now < self.until)
        )

    def is_in_force(self, book: BudgetBook, now: datetime) -> bool:
        """Say if the caller is not denied for the budget now, as it is stored, or for credits."""
        if self.key.is_credits:
            return now < self.find_end(is_window=False)
        stored = book.budgets.get(self.key.budget)
        if stored is None:
            return False
        budget = stored.budget
        period = budget.periods.period_at(now)
        key = CauseKey(budget.name, stored.generation, self.key.value, period)
        return self.covers(self.target_arn, key, budget.amount.limit, now)

    def find_end(self, *, is_window: bool) -> datetime:
        """Find when the release ends, if the budget stays as it is.

        Args:
            is_window: True if the period is a window that moves. Then it ends with the first
                window that has no hour of the released one.
        """
        period = self.key.period
        end = period.end + (period.end - period.start - _HOUR if is_window else timedelta())
        return end if self.until is None else min(self.until, end)

    def end(self, *, by: str, at: datetime) -> Release:
        """End the release now, in the name of a person."""
        return replace(self, until=at, by=by, at=at)


def make_releases(deny: Deny, *, by: str, at: datetime, until: datetime | None) -> list[Release]:
    """Make the releases of a denied caller: one for each budget that it is denied for.

    Args:
        deny: The deny.
        by: Who releases it.
        at: The time.
        until: The time at which the release ends; `None` for the end of each period.
    """
    return [
        Release(
            target_arn=deny.target.arn,
            key=cause.key,
            level=cause.amount.limit,
            until=until,
            by=by,
            at=at,
        )
        for cause in deny.causes
    ]
