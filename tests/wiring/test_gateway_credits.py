"""The gateway refuses calls whose credits are exhausted, within seconds of any change."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.api_keys import create_key
from lambdas.domain.bedrock_calls import Refusal
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import CreditGrant, CreditSwitch, GrantBalance, grant_entry
from lambdas.wiring.gateway_limits import GatewayLimits
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.exhausted_credits import USD, exhaust, make_balance
from tests.gateway import KEY, REGION
from tests.policies import call, path
from tests.wiring.test_gateway_budgets import ANA, make_limits
from tests.wiring.test_gateway_limits import LIMITS

OWN = BudgetScope(identity=(ANA,))
SECOND = timedelta(seconds=1)
NAME = "credits:identity"


@pytest.fixture
def limits(aws: None) -> GatewayLimits:
    create_governance_table()
    create_sorted_table(LIMITS)
    exhaust_credits(OWN)
    switch(is_on=True)
    return make_limits(REFUSE_EXHAUSTED="true")


def scopes() -> DynamoDbExhaustedScopes:
    return DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE)


def add(name: str, scope: BudgetScope, *, rest: int) -> None:
    store = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE, changed_by="person-1")
    grant: CreditGrant = make_balance(name, scope).grant
    balance = GrantBalance(grant=grant, picodollars=rest, version=1)
    store.add_grant(balance, grant_entry(grant).entry)


def exhaust_credits(scope: BudgetScope, name: str = "june") -> None:
    add(name, scope, rest=0)
    scopes().replace([exhaust(scope)])


def switch(*, is_on: bool) -> None:
    stored = DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE)
    stored.write(CreditSwitch(is_on=is_on, by="person-1", at=NOON))


def refuse(limits: GatewayLimits, seconds: int = 0, **changes: Any) -> Refusal | None:
    return limits.admission.admit(call()._replace(**changes), NOON + seconds * SECOND).refusal


def test_a_call_without_credits_is_refused_before_it_runs(limits: GatewayLimits) -> None:
    refusal = refuse(limits)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "ServiceQuotaExceededException")
    assert (refusal.reason, refusal.retry_after_ms) == ("credits_exhausted", None)
    assert refusal.message == f'No credits are left for "{NAME}". Ask whoever runs the gateway'
    assert refusal.violated_policies == (NAME,)
    assert not [name for name, _ in refusal.write_headers() if name == "retry-after"]
    assert limits.view.check(KEY, path(), call().need, NOON).refusal == refusal


def test_new_credits_take_effect_within_seconds(limits: GatewayLimits) -> None:
    assert refuse(limits) is not None
    add("july", OWN, rest=USD)
    assert refuse(limits, 4) is not None
    assert refuse(limits, 5) is None


def test_the_switch_takes_effect_within_seconds(limits: GatewayLimits) -> None:
    switch(is_on=False)
    assert refuse(limits) is None
    switch(is_on=True)
    assert refuse(limits, 5) is not None


def test_nothing_is_read_or_refused_where_the_setting_is_off(limits: GatewayLimits) -> None:
    assert refuse(make_limits()) is None


def test_another_caller_is_not_refused(limits: GatewayLimits) -> None:
    _, ben = create_key(bytes(32), "ben", NOON)
    assert refuse(limits, key=ben) is None


def test_the_last_credits_stay_in_force_while_the_table_fails(limits: GatewayLimits) -> None:
    assert refuse(limits) is not None
    boto3.client("dynamodb").delete_table(TableName=GOVERNANCE)
    refusal = refuse(limits, 5)
    assert refusal is not None
    assert refusal.reason == "credits_exhausted"


def test_calls_are_refused_until_credits_were_read(limits: GatewayLimits) -> None:
    boto3.client("dynamodb").delete_table(TableName=GOVERNANCE)
    refusal = refuse(limits)
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (503, "limits_unavailable")


def test_nothing_of_credits_is_imported_before_a_scope_is_exhausted() -> None:
    made = (
        "import sys; import lambdas.wiring.gateway_limits;"
        "print([name for name in sys.modules if 'pydantic' in name"
        " or name.startswith(('lambdas.domain.credits', 'lambdas.domain.budgets'))])"
    )
    found = subprocess.run([sys.executable, "-c", made], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"


def test_the_region_of_the_gateway_is_known(limits: GatewayLimits) -> None:
    exhaust_credits(BudgetScope(region=("eu-west-3",)), "paris")
    assert refuse(limits) is None
    exhaust_credits(BudgetScope(region=(REGION,)), "here")
    assert refuse(limits, 5) is not None


def test_a_label_that_is_not_known_refuses_nothing_and_may_be_paid(limits: GatewayLimits) -> None:
    exhaust_credits(BudgetScope(department=("sales",)), "sales")
    assert refuse(limits) is None
    exhaust_credits(BudgetScope(region=(REGION,)), "here")
    assert refuse(limits, 5) is not None
    add("other", BudgetScope(department=("support",)), rest=USD)
    assert refuse(limits, 10) is None
