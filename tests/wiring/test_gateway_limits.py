"""The limits of a gateway over its two tables: policies take effect without a deployment."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.due_marks import DynamoDbDueMarks
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limit_notices import name_event
from lambdas.domain.limit_policies import PolicyChange
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.gateway_limits import GatewayLimits, make_gateway_limits
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.gateway import KEY, REGION
from tests.policies import PER_MINUTE, call, policy

LIMITS = "limits"
USD = {"unit": "usd", "amount": 1, "per": "month"}


@pytest.fixture
def limits(aws: None) -> GatewayLimits:
    create_governance_table()
    create_sorted_table(LIMITS)
    return make_gateway_limits(
        Settings.from_environment(
            {
                "GOVERNANCE_TABLE": GOVERNANCE,
                "LIMITS_TABLE": LIMITS,
                "CALLER_ROLE_ARN": "arn:aws:iam::123456789012:role/callers",
                "REGION": REGION,
            }
        )
    )


def write(revision: int, *policies: dict[str, Any]) -> None:
    change = PolicyChange(json.dumps({"policies": policies}), revision, None, {})
    DynamoDbPolicyWriter(boto3.client("dynamodb"), GOVERNANCE, None).write(change, NOON)


def test_new_policies_take_effect_within_half_a_minute(limits: GatewayLimits) -> None:
    assert limits.admission.admit(call(), NOON).limits == ()
    write(0, policy(limits=[PER_MINUTE | {"amount": 10}]))
    assert limits.admission.admit(call(), NOON + timedelta(seconds=29)).refusal is None
    assert limits.admission.admit(call(), NOON + timedelta(seconds=30)).refusal is not None


def test_calls_are_reserved_settled_and_shown(
    limits: GatewayLimits, caplog: pytest.LogCaptureFixture
) -> None:
    write(0, policy(limits=[PER_MINUTE | {"near": [80]}, USD]), policy("project"))
    admitted = limits.admission.admit(call(500, 450), NOON)
    assert admitted.reservation_id is not None
    limits.admission.settle(admitted.reservation_id, TokenCounts(500, 400), NOON)
    shown = {each.name: each.remaining for each in limits.view.show(KEY, NOON).limits}
    assert shown == {"tokens/total/60": 100, "tokens/usd/month@UTC": 992_500, "project": 100}
    refused = limits.admission.admit(call(), NOON)
    assert refused.refusal is None
    assert limits.admission.admit(call(), NOON).refusal is not None


def test_the_first_refusal_is_due_once_and_a_failure_to_note_it_refuses_all_the_same(
    limits: GatewayLimits,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(0, policy(limits=[PER_MINUTE]))
    limits.admission.admit(call(900, 40), NOON)
    for seconds in (0, 2):
        refused = limits.admission.admit(call(), NOON + timedelta(seconds=seconds))
        assert refused.refusal is not None
    (due,) = DynamoDbDueMarks(boto3.client("dynamodb"), LIMITS).list_due()
    assert name_event(due.detail) == "Bedrock Meter Limit Reached"
    assert "A limit is used up" in caplog.text
    assert "UnnotedMarks" not in capsys.readouterr().out
    monkeypatch.setattr(limits.admission.marks, "_table_name", "no-table")
    later = NOON + timedelta(hours=1)
    limits.admission.admit(call(900, 40), later)
    assert limits.admission.admit(call(), later).refusal is not None
    assert "A mark of a limit was not noted" in caplog.text
    assert "UnnotedMarks" in capsys.readouterr().out


def test_stored_policies_that_cannot_be_read_admit_nothing(limits: GatewayLimits) -> None:
    write(0, policy(unknown=1))
    refusal = limits.admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert refusal.status == 503
