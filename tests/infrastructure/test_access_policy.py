"""The policy against unlogged calls denies existing actions and no metered call."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from policy_sentry.querying.actions import get_action_data

from cdk.config.gateway_names import caller_role_name
from tests.infrastructure.synthesis import ROOT, as_list
from tests.infrastructure.test_policy_actions import find_mistakes

STATEMENTS: list[dict[str, Any]] = json.loads(
    (ROOT / "docs" / "bedrock-access-policy.json").read_text()
)["Statement"]
GLOBAL_KEYS = {"aws:RequestedRegion"}


def test_the_policy_denies_existing_actions() -> None:
    assert find_mistakes(STATEMENTS) == []
    assert {statement["Effect"] for statement in STATEMENTS} == {"Deny"}


def test_its_condition_keys_belong_to_the_actions() -> None:
    for statement in STATEMENTS:
        keys = {key for test in statement.get("Condition", {}).values() for key in test}
        for action in statement["Action"]:
            rows = get_action_data(*action.split(":"))
            assert rows
            known = {key for row in rows[action.split(":")[0]] for key in row["condition_keys"]}
            assert keys - GLOBAL_KEYS <= known, action


def test_a_negated_condition_requires_its_key() -> None:
    """A negated operator holds where the key is missing, which would deny every other call."""
    for statement in STATEMENTS:
        condition = statement.get("Condition", {})
        for key in condition.get("ArnNotLike", {}):
            assert condition["Null"][key] == "false"


def test_each_way_outside_the_logs_is_closed() -> None:
    denied = {action for statement in STATEMENTS for action in as_list(statement["Action"])}
    assert denied == {
        "bedrock:CreateModelInvocationJob",
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
        "bedrock-mantle:CreateInference",
    }
    always = {
        (action, statement["Resource"])
        for statement in STATEMENTS
        if "Condition" not in statement
        for action in statement["Action"]
    }
    # StartAsyncInvoke has no action of its own: it needs InvokeModel on the invocation.
    assert always == {
        ("bedrock:CreateModelInvocationJob", "*"),
        ("bedrock-mantle:CreateInference", "*"),
        ("bedrock:InvokeModel", "arn:*:bedrock:*:*:async-invoke/*"),
    }


def test_the_statement_against_calls_around_the_gateway_spares_its_role_alone() -> None:
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    (block,) = (
        found for found in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "Sid" in found
    )
    statement = json.loads(block.replace("ACCOUNT", "111122223333").replace("REGION", "us-east-1"))
    assert find_mistakes([statement]) == []
    assert statement["Effect"] == "Deny"
    spared = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    role = "arn:aws:iam::111122223333:role/"
    assert fnmatchcase(role + caller_role_name("us-east-1"), spared)
    assert not fnmatchcase(role + caller_role_name("us-east-1") + "-2", spared)
    assert not fnmatchcase(
        "arn:aws:iam::444455556666:role/" + caller_role_name("us-east-1"), spared
    )
    assert {*statement["Action"]} == {
        action for each in STATEMENTS for action in as_list(each["Action"])
    }
