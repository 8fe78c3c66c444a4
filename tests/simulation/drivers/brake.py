"""A budget with a brake, its caller, and what IAM has attached to that caller."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.brake import (
    BrakeSwitch,
    ChangeRefusedError,
    DenyState,
    Obstacle,
    PrincipalKind,
    PrincipalTarget,
)
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetsChangedError,
    BudgetScope,
    BudgetThresholds,
    BudgetUnit,
)
from lambdas.domain.counters import UsageTotals
from tests.brake import ACCOUNT, Effects, FakeAttachments
from tests.builders import BEN
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.drivers.budgets import WEEK, read_sums
from tests.simulation.ports import Port
from tests.simulation.world import START

POLICY = "deny"
USER = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "ben")
OTHER = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "other")
BRAKED = Budget(
    name="braked",
    managed_by="platform",
    scope=BudgetScope(identity=(BEN,)),
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 400),
    periods=WEEK,
    thresholds=BudgetThresholds(forecast=()),
    brake=BrakeMode.DENY,
)
_REFUSALS = (BotoCoreError, ClientError, BudgetsChangedError)
_PLAN = "brake"


def open_attachments(account: Account) -> Any:
    """The attachments of the fixed policy, which IAM may refuse to change, or not answer for."""
    twin = FakeAttachments(account.iam, POLICY, Effects())
    return Port(account.world, twin, lambda text: ChangeRefusedError(Obstacle.THROTTLED, text))


def plan_brake(account: Account) -> None:
    """Plan what people do: a budget, the switch, and a policy attached to someone by hand."""
    if _PLAN in account.planned:
        return
    account.planned.add(_PLAN)
    account.iam.add(USER)
    account.iam.add(OTHER).policies.add(POLICY)
    account.world.at(START, _apply, account)


def _apply(account: Account) -> None:
    """Run the commands, and again a minute later if they fail."""
    store = DynamoDbBudgetStore(account.dynamodb, GOVERNANCE)
    try:
        book = store.read()
        if BRAKED.name not in book.budgets:
            store.write(BudgetChanges(written=(BRAKED,)), book.revision)
        state = DynamoDbBrakeState(account.dynamodb, GOVERNANCE)
        state.write_switch(BrakeSwitch(is_on=True, by="ops", at=account.now))
    except _REFUSALS:
        account.world.after(60, _apply, account)


def find_wrong_denies(account: Account) -> Iterator[str]:
    """Find a caller that is denied and should not be, or the reverse."""
    book = DynamoDbBudgetStore(account.dynamodb, GOVERNANCE).read()
    sums = DynamoDbCounters(account.dynamodb, COUNTERS, account.pause)
    state = sums.read_state()
    stored = book.budgets[BRAKED.name]
    used = 0
    if state is not None and stored.is_active:
        totals = read_sums(sums, state, stored, account.now).get("", UsageTotals.ZERO)
        used = BRAKED.read_usage(totals)
    is_denied = POLICY in account.iam.get_policies(USER)
    if used >= BRAKED.amount.limit and not is_denied:
        yield f"{USER.arn}: {used} used, and not denied"
    if used * 5 < BRAKED.amount.limit * 4 and is_denied:
        yield f"{USER.arn}: {used} used, and denied"
    denies = DynamoDbDenies(account.dynamodb, GOVERNANCE).list_denies()
    denied = {deny.target for deny in denies if deny.state is DenyState.DENIED}
    if denied != ({USER} if is_denied else set()):
        yield f"stored as denied: {[target.arn for target in denied]}"


def find_orphans(account: Account) -> Iterator[str]:
    """Find attachments that no deny is stored for, or whose end has passed."""
    denies = {
        deny.target: deny for deny in DynamoDbDenies(account.dynamodb, GOVERNANCE).list_denies()
    }
    for target in account.iam.find_attached(POLICY):
        deny = denies.get(target)
        if deny is None or deny.until + timedelta(hours=2) < account.now:
            yield f"{target.arn}: still attached"
