"""The policies of the brake, evaluated by the rules of IAM: they deny exactly the denied."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import (
    DeniedSession,
    SessionPolicyNames,
    deny_in_region,
    plan_session_policies,
    write_document,
)
from tests.builders import NOON
from tests.policy_evaluation import is_denied
from tests.unit.brake.builders import CHAT, DAY, MIDNIGHT
from tests.unit.brake.test_session_policies import REGION, ROLE_ID, session_names

MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
OPERATIONS = (
    "bedrock:InvokeModel",  # also Converse
    "bedrock:InvokeModelWithResponseStream",  # also ConverseStream
    "bedrock-mantle:CreateInference",
    "bedrock:CreateModelInvocationJob",
)
POLICY = json.loads(write_document(ROLE_ID, [DeniedSession("ana", MIDNIGHT)], REGION))


def request(
    user_id: str = f"{ROLE_ID}:ana", now: datetime = NOON, region: str = REGION
) -> dict[str, str]:
    return {
        "aws:userid": user_id,
        "aws:CurrentTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "aws:RequestedRegion": region,
    }


@pytest.mark.parametrize("action", OPERATIONS)
def test_a_denied_session_is_refused_by_every_operation(action: str) -> None:
    assert is_denied(POLICY, action, MODEL, request())


@pytest.mark.parametrize(
    "other",
    [
        request(f"{ROLE_ID}:ben"),
        request(f"{ROLE_ID}:ana2"),
        request(f"{ROLE_ID}:Ana"),
        request("AROAXXXXXXXXXXXXXXXXX:ana"),
        request(now=MIDNIGHT),
        request(region="eu-central-1"),
    ],
)
def test_the_same_request_without_one_of_the_conditions_is_not_refused(
    other: dict[str, str],
) -> None:
    assert is_denied(POLICY, OPERATIONS[0], MODEL, request())
    assert not is_denied(POLICY, OPERATIONS[0], MODEL, other)


@pytest.mark.parametrize(
    "action", ["bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob", "s3:GetObject"]
)
def test_reading_stopping_and_other_services_are_not_refused(action: str) -> None:
    assert not is_denied(POLICY, action, MODEL, request())


@pytest.mark.parametrize("action", OPERATIONS)
def test_the_fixed_policy_refuses_its_principal_in_its_region_alone(action: str) -> None:
    fixed: dict[str, Any] = {"Version": "2012-10-17", "Statement": [deny_in_region(REGION)]}
    assert is_denied(fixed, action, MODEL, request())
    assert not is_denied(fixed, action, MODEL, request(region="eu-central-1"))
    assert not is_denied(fixed, "bedrock:ListFoundationModels", MODEL, request())


@given(
    st.dictionaries(session_names, st.sampled_from([MIDNIGHT, MIDNIGHT + DAY]), max_size=8),
    session_names,
    st.sampled_from([NOON, MIDNIGHT - timedelta(seconds=1), MIDNIGHT, MIDNIGHT + DAY]),
)
def test_a_session_is_refused_exactly_if_its_own_deny_has_not_ended(
    ends: dict[str, datetime], other: str, now: datetime
) -> None:
    sessions = [DeniedSession(name, until) for name, until in ends.items()]
    names = SessionPolicyNames("BedrockMeter", REGION)
    plan = plan_session_policies(CHAT, ROLE_ID, sessions, names)
    policies = [json.loads(policy.document) for policy in plan.policies]
    for name in {*ends, other}:
        context = request(f"{ROLE_ID}:{name}", now)
        refused = any(is_denied(policy, OPERATIONS[0], MODEL, context) for policy in policies)
        assert refused == (name in ends and now < ends[name])
