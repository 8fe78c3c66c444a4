"""Budgets limit calls of the gateway within half a minute of any change of them."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.domain.bedrock_calls import Refusal
from lambdas.domain.budgets import (
    Budget,
    BudgetAmount,
    BudgetChanges,
    BudgetScope,
    BudgetSubject,
    BudgetUnit,
)
from lambdas.domain.limits import LimitMode
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.gateway_limits import GatewayLimits, make_gateway_limits
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.gateway import KEY, REGION
from tests.policies import call, path
from tests.unit.budgets.builders import budget
from tests.wiring.test_gateway_limits import LIMITS

ROLE = "arn:aws:iam::123456789012:role/callers"
ANA = "arn:aws:sts::123456789012:assumed-role/callers/ana@example.com"
SMALL = budget(
    "small",
    scope=BudgetScope(identity=(ANA,)),
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10),
    gateway=LimitMode.ENFORCE,
)
HALF_A_MINUTE = timedelta(seconds=30)


def make_limits(**changes: Any) -> GatewayLimits:
    environment = {
        "GOVERNANCE_TABLE": GOVERNANCE,
        "LIMITS_TABLE": LIMITS,
        "CALLER_ROLE_ARN": ROLE,
        "REGION": REGION,
    }
    return make_gateway_limits(Settings.from_environment(environment | changes))


@pytest.fixture
def limits(aws: None) -> GatewayLimits:
    create_governance_table()
    create_sorted_table(LIMITS)
    return make_limits()


def store() -> DynamoDbBudgetStore:
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)


def change(**changes: Any) -> None:
    store().write(BudgetChanges(**changes), store().read().revision)


def apply(*made: Budget) -> None:
    change(written=made)
    for name, stored in store().read().budgets.items():
        store().mark_active(name, stored.generation)


def refuse(limits: GatewayLimits, at: datetime) -> Refusal | None:
    return limits.admission.admit(call(), at).refusal


def test_a_budget_takes_effect_within_half_a_minute_and_so_does_its_end(
    limits: GatewayLimits,
) -> None:
    assert refuse(limits, NOON) is None
    apply(SMALL)
    assert refuse(limits, NOON + HALF_A_MINUTE - timedelta(seconds=1)) is None
    refusal = refuse(limits, NOON + HALF_A_MINUTE)
    assert refusal is not None
    assert refusal.violated_policies == ("budget:small",)
    change(amended=(replace(SMALL, amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10**6)),))
    assert refuse(limits, NOON + 2 * HALF_A_MINUTE) is None
    change(amended=(SMALL,))
    assert refuse(limits, NOON + 3 * HALF_A_MINUTE) is not None
    change(deleted=("small",))
    assert refuse(limits, NOON + 4 * HALF_A_MINUTE) is None


def test_a_budget_in_shadow_mode_is_shown_and_refuses_nothing(limits: GatewayLimits) -> None:
    apply(replace(SMALL, gateway=LimitMode.SHADOW))
    admitted = limits.admission.admit(call(), NOON)
    assert (admitted.refusal, [each.name for each in admitted.limits]) == (None, ["budget:small"])
    shown = limits.view.show(KEY, NOON)
    assert ([each.name for each in shown.limits], shown.shadow) == (
        ["budget:small"],
        ("budget:small",),
    )


def test_a_check_counts_budgets(limits: GatewayLimits) -> None:
    apply(SMALL)
    refusal = limits.view.check(KEY, path(), call().need, NOON).refusal
    assert refusal is not None
    assert refusal.violated_policies == ("budget:small",)


def test_budgets_that_do_not_change_go_on(limits: GatewayLimits) -> None:
    apply(SMALL)
    for minutes in range(3):
        assert refuse(limits, NOON + timedelta(minutes=minutes)) is not None


def test_the_project_of_a_key_is_that_of_the_ledger_where_the_role_is_trusted(
    limits: GatewayLimits,
) -> None:
    apply(replace(SMALL, name="each", per=BudgetSubject.PROJECT))
    refusal = refuse(limits, NOON)
    assert refusal is not None
    assert "counts by project" in refusal.message
    trusted = {
        "account_id": "123456789012",
        "principal": "role/callers",
        "effective_from": "2026-01-01T00:00:00Z",
    }
    attribution = json.dumps({"trusted_principals": [trusted]})
    trusting = make_limits(ATTRIBUTION=attribution, PROJECT_NAME="project")
    (shown,) = trusting.admission.admit(call(), NOON).limits
    assert (shown.name, shown.partition) == ("budget:each", "search")


def test_a_building_budget_refuses_nothing(limits: GatewayLimits) -> None:
    change(written=(SMALL,))
    assert refuse(limits, NOON) is None


def test_the_last_budgets_stay_in_force_while_the_table_fails(
    limits: GatewayLimits, caplog: pytest.LogCaptureFixture
) -> None:
    apply(SMALL)
    assert refuse(limits, NOON) is not None
    boto3.client("dynamodb").delete_table(TableName=GOVERNANCE)
    refusal = refuse(limits, NOON + HALF_A_MINUTE)
    assert refusal is not None
    assert refusal.violated_policies == ("budget:small",)
    assert "Budgets were not read, and stay as they are" in caplog.text


def test_calls_are_refused_until_budgets_were_read(limits: GatewayLimits) -> None:
    limits.admission.policies.get(NOON)
    boto3.client("dynamodb").delete_table(TableName=GOVERNANCE)
    refusal = refuse(limits, NOON)
    assert refusal is not None
    assert refusal.status == 503


def test_nothing_of_budgets_is_imported_before_there_is_one() -> None:
    code = (
        "import sys; import lambdas.functions.gateway.handler;"
        "print([name for name in sys.modules if name.startswith('lambdas.domain.budgets')])"
    )
    done = subprocess.run(  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
