"""The denies that should be in force: a function of budgets, usage and decisions of people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.brake.credit_causes import list_credit_causes
from lambdas.domain.brake.denies import CauseKey, Deny, DenyCause, DenyState, ReleaseReason
from lambdas.domain.brake.releases import BrakeSwitch, Release
from lambdas.domain.brake.targets import (
    NotEnforceable,
    SessionTarget,
    Target,
    TargetRules,
    choose_target,
)
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetBook,
    BudgetPeriod,
    BudgetStatus,
    RollingHours,
    StoredBudget,
    list_named_callers,
)
from lambdas.domain.credits import CreditState

WINDOW_OVERLAP = timedelta(minutes=10)
"""The time for which a deny outlasts the hour of a window that moves, so that it has no gap."""


class ShadowDeny(NamedTuple):
    """A deny that is only reported.

    Attributes:
        target: The caller.
        cause: The budget, or the credits.
        is_switched_off: True if they would deny, but the brake or the switch of credits is off.
    """

    target: Target
    cause: DenyCause
    is_switched_off: bool


class Refusal(NamedTuple):
    """A caller that should be denied and cannot be.

    Attributes:
        caller: The caller, with the reason.
        cause: The budget.
    """

    caller: NotEnforceable
    cause: DenyCause


@dataclass(frozen=True, slots=True)
class WantedState:
    """The denies that should be in force.

    Attributes:
        denies: The causes of each deny, in the order of their budgets.
        shadows: Denies that are only reported.
        refusals: Callers that cannot be denied.
    """

    denies: Mapping[Target, tuple[DenyCause, ...]] = field(default_factory=dict)
    shadows: Sequence[ShadowDeny] = ()
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeInputs:
    """All that the wanted state depends on.

    Attributes:
        book: The stored budgets.
        statuses: The usage of budgets with a brake in their current periods.
        uncertain: The names of budgets whose usage could not be read, or may be incomplete. Their
            denies stay as they are, since usage that is not known is not 0.
        denies: The stored denies.
        releases: The releases by hand.
        switch: The switch.
        credits: The credits that can deny; `None` if they could not be read. Their denies then
            stay as they are.
        rules: The rules of targets.
        now: The time.
    """

    book: BudgetBook
    statuses: Sequence[BudgetStatus]
    uncertain: Collection[str] = ()
    denies: Collection[Deny] = ()
    releases: Collection[Release] = ()
    switch: BrakeSwitch
    credits: CreditState | None = field(default_factory=CreditState)
    rules: TargetRules
    now: datetime

    def is_released(self, target: Target, key: CauseKey, limit: int) -> bool:
        """Say if a caller, or the role of a session, was released by hand for a sum.

        A role that is denied for sessions without room is released for the sums of these sessions.
        """
        return any(
            release.covers(arn, key, limit, self.now)
            for release in self.releases
            for arn in _list_denying(target)
        )

    @property
    def denies_for_credits(self) -> bool:
        """True if exhausted credits deny callers now."""
        return self.switch.is_on and self.credits is not None and self.credits.is_on

    def get_braked(self, name: str, generation: int) -> StoredBudget | None:
        """Get a budget that may deny or report: active, in this generation, with a brake."""
        stored = self.book.budgets.get(name)
        if stored is None or stored.generation != generation or not stored.is_active:
            return None
        return None if stored.budget.brake is BrakeMode.NOTIFY else stored


def find_wanted(
    inputs: BrakeInputs, get_reserve: Callable[[BudgetStatus], int] = lambda _: 0
) -> WantedState:
    """Find the denies that should be in force now.

    A budget denies its callers in its current period as soon as its usage and the reserve reach its
    amount. The reserve with which a deny was decided goes on to count in that period, unless the
    budget is raised: usage stops growing because of the deny, and that must not end it.

    Budgets that are building, interrupted or not readable deny no caller, nor does usage of a past
    period. A default budget does not hold for a value that another budget is set for by name.

    Args:
        inputs: Budgets, usage, stored denies and decisions.
        get_reserve: Estimates the usage before a deny of a sum takes effect.
    """
    causes: defaultdict[Target, dict[CauseKey, DenyCause]] = defaultdict(dict)
    shadows: list[ShadowDeny] = []
    refusals: list[Refusal] = []
    for target, stored, cause in _list_reached(inputs, get_reserve):
        if isinstance(target, NotEnforceable):
            refusals.append(Refusal(target, cause))
        elif stored.budget.brake is BrakeMode.SHADOW or not inputs.switch.is_on:
            is_denying = stored.budget.brake is BrakeMode.DENY
            shadows.append(ShadowDeny(target, cause, is_denying))
        elif not inputs.is_released(target, cause.key, cause.amount.limit):
            causes[target][cause.key] = cause
    for target, cause in _list_credit_causes(inputs):
        if isinstance(target, NotEnforceable):
            refusals.append(Refusal(target, cause))
        elif not inputs.denies_for_credits:
            shadows.append(ShadowDeny(target, cause, is_switched_off=True))
        elif not inputs.is_released(target, cause.key, cause.amount.limit):
            causes[target][cause.key] = cause
    for deny, cause in _list_uncertain(inputs):
        causes[deny.target].setdefault(cause.key, cause)
    return WantedState(
        {
            target: tuple(found[key] for key in sorted(found))
            for target, found in sorted(causes.items(), key=lambda entry: entry[0].arn)
        },
        shadows,
        refusals,
    )


def find_wanted_by_sum(
    status: BudgetStatus,
    rules: TargetRules,
    now: datetime,
    get_reserve: Callable[[BudgetStatus], int] = lambda _: 0,
) -> WantedState:
    """Find the denies that one sum alone would cause, with a brake that is switched on.

    Args:
        status: The sum.
        rules: The rules of targets.
        now: The time.
        get_reserve: Estimates the usage before a deny takes effect.
    """
    stored = status.stored
    inputs = BrakeInputs(
        book=BudgetBook(stored.generation, {stored.budget.name: stored}),
        statuses=[status],
        switch=BrakeSwitch(is_on=True),
        rules=rules,
        now=now,
    )
    return find_wanted(inputs, get_reserve)


def _list_reached(
    inputs: BrakeInputs, get_reserve: Callable[[BudgetStatus], int]
) -> Iterator[tuple[Target | NotEnforceable, StoredBudget, DenyCause]]:
    """List the callers of sums that have reached their braking point."""
    held: defaultdict[str, list[DenyCause]] = defaultdict(list)
    for deny in inputs.denies:
        held[deny.target.arn] += deny.causes
    for status in inputs.statuses:
        stored = inputs.get_braked(status.stored.budget.name, status.stored.generation)
        if stored is None or not status.period.includes(inputs.now):
            continue
        budget = stored.budget
        if inputs.book.is_replaced(budget, status.value):
            continue
        key = CauseKey(budget.name, stored.generation, status.value, status.period)
        used, reserve = budget.read_usage(status.totals), get_reserve(status)
        until = find_end(budget, status.period)
        for target in _list_targets(inputs, budget, status.value):
            counted = max(
                reserve,
                *(
                    before.reserve
                    for arn in _list_denying(target)
                    for before in held[arn]
                    if before.key.overlaps(key) and before.amount.limit >= budget.amount.limit
                ),
                0,
            )
            if used + counted >= budget.amount.limit:
                yield target, stored, DenyCause(key, until, budget.amount, used, counted)


def _list_credit_causes(
    inputs: BrakeInputs,
) -> Iterator[tuple[Target | NotEnforceable, DenyCause]]:
    if inputs.credits is None:
        return iter(())
    return list_credit_causes(inputs.credits, inputs.rules, inputs.now)


def _list_targets(
    inputs: BrakeInputs, budget: Budget, value: str
) -> Iterator[Target | NotEnforceable]:
    return (choose_target(arn, inputs.rules) for arn in list_callers(budget, value))


def _list_denying(target: Target | NotEnforceable) -> tuple[str, ...]:
    """List the ARNs whose denies concern a caller: its own, and that of a session's role."""
    own = (target.arn,)
    return (*own, target.role.arn) if isinstance(target, SessionTarget) else own


def list_callers(budget: Budget, value: str) -> tuple[str, ...]:
    """List the ARNs of the callers of a budget, or of one value of a default budget."""
    return list_named_callers(budget.scope) if budget.per is None else (value,)


def find_end(budget: Budget, period: BudgetPeriod) -> datetime:
    """Find when a deny ends by itself: with the period, or soon after the hour of a window."""
    is_window = isinstance(budget.periods, RollingHours)
    return period.end + WINDOW_OVERLAP if is_window else period.end


def _list_uncertain(inputs: BrakeInputs) -> Iterator[tuple[Deny, DenyCause]]:
    """List the causes of stored denies whose usage is not known, and that nothing else ended."""
    if not inputs.switch.is_on:
        return
    for deny in inputs.denies:
        if deny.state is DenyState.RELEASING:
            continue
        for cause in deny.causes:
            is_uncertain = (
                inputs.credits is None
                if cause.key.is_credits
                else cause.key.budget in inputs.uncertain
            )
            if is_uncertain and _explain_end(deny, cause, inputs) is None:
                yield deny, cause


def explain_release(deny: Deny, inputs: BrakeInputs) -> ReleaseReason:
    """Find why a deny that is not wanted any more ended; of several budgets, why the last one did.

    Args:
        deny: The deny.
        inputs: All that the wanted state depends on.
    """
    if not inputs.switch.is_on:
        return ReleaseReason.SWITCHED_OFF
    if isinstance(choose_target(deny.target.arn, inputs.rules), NotEnforceable):
        return ReleaseReason.EXEMPT
    last = max(deny.causes, key=lambda cause: cause.until)
    return _explain_end(deny, last, inputs) or ReleaseReason.USAGE_CORRECTED


def _explain_end(deny: Deny, cause: DenyCause, inputs: BrakeInputs) -> ReleaseReason | None:
    """Find why a budget no longer denies a caller, other than by its usage."""
    key = cause.key
    if inputs.now >= cause.until:
        return ReleaseReason.PERIOD_ENDED
    if isinstance(choose_target(deny.target.arn, inputs.rules), NotEnforceable):
        return ReleaseReason.EXEMPT
    if key.is_credits:
        return _explain_end_of_credits(deny, cause, inputs)
    stored = inputs.get_braked(key.budget, key.generation)
    if stored is None or not _limits(stored.budget, key, deny.target, inputs):
        is_known = key.budget in inputs.book.budgets or key.budget in inputs.book.unreadable
        return ReleaseReason.BUDGET_CHANGED if is_known else ReleaseReason.BUDGET_DELETED
    limit = stored.budget.amount.limit
    if inputs.is_released(deny.target, key, limit):
        return ReleaseReason.BY_HAND
    return ReleaseReason.BUDGET_RAISED if limit > cause.amount.limit else None


def _explain_end_of_credits(
    deny: Deny, cause: DenyCause, inputs: BrakeInputs
) -> ReleaseReason | None:
    """Find why exhausted credits no longer deny a caller; credits that are not known still do."""
    if inputs.is_released(deny.target, cause.key, cause.amount.limit):
        return ReleaseReason.BY_HAND
    if inputs.credits is None:
        return None
    if not inputs.credits.is_on:
        return ReleaseReason.CREDITS_OFF
    is_denied = any(
        found.key.value == cause.key.value and deny.target.arn in _list_denying(target)
        for target, found in _list_credit_causes(inputs)
    )
    return None if is_denied else ReleaseReason.CREDITS_AVAILABLE


def _limits(budget: Budget, key: CauseKey, target: Target, inputs: BrakeInputs) -> bool:
    """Say if a budget denies a caller, once the sum is used up."""
    return (
        budget.brake is BrakeMode.DENY
        and not inputs.book.is_replaced(budget, key.value)
        and any(
            target.arn in _list_denying(named) for named in _list_targets(inputs, budget, key.value)
        )
    )
