"""The policies of a role deny those of its sessions that have used the most of their budgets."""

from collections.abc import Mapping

from lambdas.domain.brake import (
    CONSENT_TAG,
    CONSENT_VALUE,
    Action,
    DenyCause,
    RoleFacts,
    RolePlan,
    SessionTarget,
    StoredPolicy,
    plan_role,
)
from lambdas.domain.budgets import BudgetAmount, BudgetUnit
from tests.builders import NOON
from tests.unit.brake.builders import CHAT, cause, dollars
from tests.unit.brake.test_session_policies import NAMES, ROLE_ID

FACTS = RoleFacts(ROLE_ID, "/", {CONSENT_TAG: CONSENT_VALUE})
MANY = {
    SessionTarget(CHAT, f"{number:03d}@example.com".rjust(40, "x")): (
        cause(amount=dollars(0.01), used=10**10 + number),
    )
    for number in range(300)
}


def plan(
    wanted: Mapping[SessionTarget, tuple[DenyCause, ...]], *policies: StoredPolicy
) -> RolePlan:
    return plan_role(CHAT, wanted, FACTS, stored={}, policies=policies, names=NAMES, now=NOON)


def test_usage_is_compared_in_percent_of_budgets_whatever_their_units() -> None:
    """Pico-dollars were compared with tokens: five billion tokens counted less than a cent."""
    heavy = SessionTarget(CHAT, "heavy@example.com")
    tokens = BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10**6)
    found = plan({**MANY, heavy: (cause(amount=tokens, used=9 * 10**9),)})
    assert found.overflow
    assert heavy not in found.overflow


def test_sessions_without_room_wait_and_change_no_policy() -> None:
    first = plan(MANY)
    waiting = {step.target for step in first.steps if step.action is Action.WAIT}
    assert waiting == set(first.overflow)
    stored = [StoredPolicy(each.name, each.document, is_attached=True) for each in first.policies]
    assert plan(MANY, *stored).policies == first.policies
