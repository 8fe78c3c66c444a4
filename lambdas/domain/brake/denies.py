"""Denies as they are stored: an intent first, a record of the attachment after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.brake.targets import Target
from lambdas.domain.budgets import BudgetAmount, BudgetPeriod
from lambdas.domain.credits import describe_scope, read_scope_key

CREDITS = "credits"
"""The name of causes that are exhausted credits."""
CREDITS_GENERATION = 0
"""Their generation, which no budget has."""


class CauseKey(NamedTuple):
    """The sum that a deny is for, in one period, or the credits that are exhausted.

    Attributes:
        budget: The name of the budget, or `CREDITS`.
        generation: Its generation, or `CREDITS_GENERATION`.
        value: The value that a default budget is for, or the key of the scope of credits; else
            empty.
        period: The period.
    """

    budget: str
    generation: int
    value: str
    period: BudgetPeriod

    @property
    def is_credits(self) -> bool:
        """True if credits are exhausted, rather than a budget used up."""
        return self.generation == CREDITS_GENERATION

    @property
    def name(self) -> str:
        """The cause in words, such as `budget chat` or `credits of project chat`."""
        if not self.is_credits:
            return f"budget {self.budget}"
        return f"credits of {describe_scope(read_scope_key(self.value))}"

    def overlaps(self, other: CauseKey) -> bool:
        """Say if both are of one sum in the same period, or in windows with a common hour."""
        return (
            self[:3] == other[:3]
            and self.period.start < other.period.end
            and other.period.start < self.period.end
        )


@dataclass(frozen=True, slots=True)
class DenyCause:
    """A budget that is used up, or credits that are exhausted, so that a caller is denied.

    Attributes:
        key: The sum.
        until: The time at which the deny ends, if the meter does nothing any more.
        amount: The amount when the deny was decided.
        used: The usage then, in the unit of the amount.
        reserve: The usage that was expected before the deny would take effect, likewise.
    """

    key: CauseKey
    until: datetime
    amount: BudgetAmount
    used: int
    reserve: int

    @property
    def is_window(self) -> bool:
        """True if the period is a window that moves: its deny outlasts the hour a little."""
        return not self.key.is_credits and self.until != self.key.period.end

    @property
    def notice_period(self) -> str:
        """A text that changes once a period, for what is reported once a period.

        A window that moves has another id each hour. Its text changes once in its length.
        """
        period = self.key.period
        if not self.is_window:
            return period.id
        return f"{period.end.timestamp() // (period.end - period.start).total_seconds():.0f}"


class DenyState(StrEnum):
    """The state of a deny."""

    ATTACHING = "attaching"
    """It is decided. Whether it is attached and reported is not known."""
    DENIED = "denied"
    """It was attached and reported."""
    CONTESTED = "contested"
    """Others took it off again and again, so it is no longer attached."""
    NO_ROOM = "no_room"
    """It should be attached, and the policies of its role have no room for it."""
    RELEASING = "releasing"
    """It is to be taken off."""


class ReleaseReason(StrEnum):
    """The reason for which a deny was released."""

    PERIOD_ENDED = "period_ended"
    BUDGET_RAISED = "budget_raised"
    BUDGET_DELETED = "budget_deleted"
    BUDGET_CHANGED = "budget_changed"
    USAGE_CORRECTED = "usage_corrected"
    BY_HAND = "by_hand"
    SWITCHED_OFF = "switched_off"
    CREDITS_AVAILABLE = "credits_available"
    CREDITS_OFF = "credits_off"
    EXEMPT = "exempt"
    NO_ROOM = "no_room"
    ROOM_AGAIN = "room_again"
    UNINSTALLED = "uninstalled"


class Obstacle(StrEnum):
    """A reason for which IAM did not make a change."""

    NO_FREE_SLOT = "no_free_slot"
    """The principal has as many managed policies as its quota allows, or the account has."""
    PRINCIPAL_GONE = "principal_gone"
    """The principal does not exist."""
    PROTECTED = "protected"
    """Only the service that made the principal may change it."""
    THROTTLED = "throttled"
    """IAM was too busy at every attempt."""
    INVALID = "invalid"
    """IAM does not accept the name of the principal, or a policy."""
    NOT_PERMITTED = "not_permitted"
    """The role of the function may not make it, such as on a role without the tag."""


class ReactionWatch(NamedTuple):
    """A measurement that is going on: how long a sum grows after the last reading without a brake.

    Attributes:
        began_at: The last reading at which the sum was below the braking point.
        grown_at: The last reading at which it had grown since the attachment, or the attachment.
        used: The usage at the last reading.
    """

    began_at: datetime
    grown_at: datetime
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A deny of a caller.

    Attributes:
        target: The caller.
        causes: The budgets that are used up, at least one.
        decided_at: The time of the decision.
        state: The state.
        attached_at: The time of the last attachment; `None` before the first.
        taken_off: The times that others took it off.
        contested_at: The time since which it is contested; `None` if it is not.
        release: The reason for its release, if it is to be released.
        obstacle: The reason for which IAM refused to attach or to release it, at the last attempt.
        watch: The measurement of its reaction time, while it goes on.
        revision: The number of the last write; 0 before the first.
        token: A random text of the store, another one for each deny of a caller.
    """

    target: Target
    causes: tuple[DenyCause, ...]
    decided_at: datetime
    state: DenyState = DenyState.ATTACHING
    attached_at: datetime | None = None
    taken_off: int = 0
    contested_at: datetime | None = None
    release: ReleaseReason | None = None
    obstacle: Obstacle | None = None
    watch: ReactionWatch | None = None
    revision: int = field(default=0, compare=False)
    token: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """A text that no other stored deny has."""
        decided_at = f"{self.decided_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        return "-".join(filter(None, (f"{self.target.arn}#{decided_at}", self.token)))

    @property
    def until(self) -> datetime:
        """The time at which it ends, if the meter does nothing any more."""
        return max(cause.until for cause in self.causes)

    def has_causes(self, causes: Iterable[DenyCause]) -> bool:
        """Say if it is for these budgets, at the same amounts and until the same times.

        Usage goes on for a moment after a deny, which changes nothing about it.
        """
        return {_identify(cause) for cause in self.causes} == {_identify(each) for each in causes}

    def follow(self, causes: tuple[DenyCause, ...]) -> Deny:
        """Take over the causes of now. In other periods than before, it is contested no more."""
        followed = replace(self, causes=causes)
        if any(mine.key.overlaps(cause.key) for mine in self.causes for cause in causes):
            return followed
        return followed.try_anew()

    def try_anew(self) -> Deny:
        """Begin to count anew how often others take it off, and contest it no more."""
        state = DenyState.ATTACHING if self.state is DenyState.CONTESTED else self.state
        return replace(self, state=state, taken_off=0, contested_at=None)

    def is_contested_for_long(self, now: datetime) -> bool:
        """Say if it is contested for the length of a period: of several, the shortest one."""
        if self.state is not DenyState.CONTESTED:
            return False
        began_at = self.contested_at or self.attached_at or self.decided_at
        periods = [cause.key.period for cause in self.causes]
        return now >= began_at + min(period.end - period.start for period in periods)


def _identify(cause: DenyCause) -> tuple[CauseKey, datetime, BudgetAmount]:
    return cause.key, cause.until, cause.amount
