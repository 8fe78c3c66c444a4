"""The brake attaches two kinds of policies, and only to those who may be denied.

Each request that is refused has a twin that is allowed, in which one condition alone differs.
"""

import json
from typing import Any

import boto3
import pytest

from cdk.config import Config, ConfigurationError, stack_names
from cdk.config.governance import MAX_EXEMPT
from cdk.operations.deny_policy import DenyPolicy
from lambdas.domain.brake import DENIED_ACTIONS
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    BRAKE,
    BRAKE_EVENTS,
    DENIES,
    DUE_BRAKE_EVENTS,
    REACTIONS,
)
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    find_function,
    resources,
    started_by,
    statements,
    synthesize,
)
from tests.item_requests import list_keys
from tests.operations.test_boundary import ACCOUNT, REGION, Names
from tests.policy_evaluation import is_allowed

ON = "everything"
IAM = f"arn:aws:iam::{ACCOUNT}"
DENY = f"{IAM}:policy/bedrock-meter-deny/{REGION}/BedrockMeter-Deny-{REGION}"
SESSIONS = f"{IAM}:policy/bedrock-meter/{REGION}/BedrockMeter-{REGION}-sessions-app-1"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
APP, ANA = f"{IAM}:role/teams/app", f"{IAM}:user/ana"
OWN = f"{IAM}:role/BedrockMeter-Governance-BrakeControllerRole-1A2B"
TAGGED = {"iam:ResourceTag/bedrock-meter-brake": "allowed"}
CONTROLLER, WATCHDOG = "BrakeControllerRole", "BrakeWatchdogRole"


def policy(role: str, configuration: str = ON) -> dict[str, Any]:
    """The policy of a role, with the names of an account."""
    names = Names(deployment(configuration).templates, stack_names.GOVERNANCE)
    return resolve(list(statements(deployment(configuration).governance, role)), names)


def resolve(found: list[dict[str, Any]], names: Names) -> dict[str, Any]:
    return {
        "Statement": [
            statement
            | {"Resource": [names.resolve(arn) for arn in as_list(statement["Resource"])]}
            | {
                "Condition": {
                    operator: {
                        key: [names.resolve(value) for value in as_list(values)]
                        for key, values in keys.items()
                    }
                    for operator, keys in statement.get("Condition", {}).items()
                    if operator in ("ArnEquals", "ArnLike", "StringEquals")
                }
            }
            for statement in found
            if "iam:" in json.dumps(statement["Action"])
        ]
    }


def attach(arn: str, **tags: str) -> dict[str, str]:
    return {"iam:PolicyARN": arn, **tags}


@pytest.mark.parametrize(
    ("action", "principal"), [("iam:AttachRolePolicy", APP), ("iam:AttachUserPolicy", ANA)]
)
@pytest.mark.parametrize(
    "other",
    [
        ADMINISTRATOR,
        DENY.replace(REGION, "eu-west-1"),
        DENY.replace("BedrockMeter-Deny", "BedrockMeter-Test-Deny"),
        f"{IAM}:policy/BedrockMeter-Deny-{REGION}",
        f"{IAM}:policy/BedrockMeter-Boundary-{REGION}",
    ],
)
def test_the_controller_attaches_the_fixed_policy_and_no_other_one(
    action: str, principal: str, other: str
) -> None:
    allowed = policy(CONTROLLER)
    assert is_allowed(allowed, action, principal, attach(DENY))
    assert not is_allowed(allowed, action, principal, attach(other))
    assert not is_allowed(allowed, action, principal, {})


@pytest.mark.parametrize(
    "protected",
    [
        OWN,
        f"{IAM}:role/BedrockMeter-Test-Ingestion-LogProcessorRole-1A2B",
        f"{IAM}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}",
        f"{IAM}:role/BreakGlassOps",
        f"{IAM}:role/teams/security/BreakGlassOps",
        f"{IAM}:role/aws-service-role/bedrock.amazonaws.com/AWSServiceRoleForBedrock",
        f"{IAM}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_1a2b",
    ],
)
@pytest.mark.parametrize("attached", [DENY, SESSIONS])
def test_the_controller_attaches_nothing_to_protected_roles(protected: str, attached: str) -> None:
    allowed = policy(CONTROLLER)
    request = attach(attached, **TAGGED)
    assert not is_allowed(allowed, "iam:AttachRolePolicy", protected, request)
    unprotected = {
        "Statement": [entry for entry in allowed["Statement"] if entry["Effect"] == "Allow"]
    }
    assert is_allowed(unprotected, "iam:AttachRolePolicy", protected, request)
    assert is_allowed(allowed, "iam:DetachRolePolicy", protected, request)  # a release always may


@pytest.mark.parametrize("path", ["", "teams/security/"])
def test_the_controller_attaches_nothing_to_exempt_users(path: str) -> None:
    found = synthesize({**CONFIGURATIONS[ON], "brake_exempt": ["arn:aws:iam::*:user/ops-*"]})
    names = Names(found.templates, stack_names.GOVERNANCE)
    allowed = resolve(list(statements(found.governance, CONTROLLER)), names)
    action = "iam:AttachUserPolicy"
    assert not is_allowed(allowed, action, f"{IAM}:user/{path}ops-1", attach(DENY))
    assert is_allowed(allowed, action, f"{IAM}:user/{path}dev-1", attach(DENY))
    assert is_allowed(allowed, "iam:DetachUserPolicy", f"{IAM}:user/{path}ops-1", attach(DENY))


@pytest.mark.parametrize("name", ["cdk-chatbot", "cdk-chat-role-999999999999-us-east-1"])
def test_only_roles_of_the_cdk_are_exempt_by_their_name(name: str) -> None:
    request = attach(DENY)
    assert is_allowed(policy(CONTROLLER), "iam:AttachRolePolicy", f"{IAM}:role/{name}", request)


def test_as_many_exempt_principals_as_the_setting_takes_fit_into_the_role() -> None:
    longest = [f"arn:aws-us-gov:iam::{ACCOUNT}:role/{number:a>64}" for number in range(MAX_EXEMPT)]
    found = synthesize({**CONFIGURATIONS[ON], "brake_exempt": longest})
    # The CDK makes managed policies for statements that do not fit.
    assert not resources(found.governance, "AWS::IAM::ManagedPolicy")


def test_exempt_principals_of_another_account_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = {**CONFIGURATIONS[ON], "brake_exempt": [f"{IAM}:user/a", f"{IAM}:user/b"]}
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", ACCOUNT)
    Config.from_context(context).check_account(ACCOUNT)
    context["brake_exempt"][1] = "arn:aws:iam::999999999999:user/b"
    with pytest.raises(ConfigurationError, match=f"brake_exempt.1 = .*of the account {ACCOUNT}"):
        synthesize(context)


def test_policies_of_sessions_are_attached_to_tagged_roles_alone() -> None:
    allowed, action = policy(CONTROLLER), "iam:AttachRolePolicy"
    assert is_allowed(allowed, action, APP, attach(SESSIONS, **TAGGED))
    assert not is_allowed(allowed, action, APP, attach(SESSIONS))
    refused = dict.fromkeys(TAGGED, "no")
    assert not is_allowed(allowed, action, APP, attach(SESSIONS, **refused))
    assert not is_allowed(allowed, action, APP, attach(ADMINISTRATOR, **TAGGED))
    assert not is_allowed(allowed, "iam:AttachUserPolicy", ANA, attach(SESSIONS, **TAGGED))


@pytest.mark.parametrize("verb", ["CreatePolicy", "CreatePolicyVersion", "DeletePolicy"])
def test_policies_are_written_below_the_path_of_sessions_alone(verb: str) -> None:
    allowed = policy(CONTROLLER)
    assert is_allowed(allowed, f"iam:{verb}", SESSIONS)
    for other in (
        DENY,
        SESSIONS.replace("/bedrock-meter/", "/"),
        SESSIONS.replace(REGION, "eu-west-1"),
        SESSIONS.replace("BedrockMeter-", "BedrockMeter-Test-"),
    ):
        assert not is_allowed(allowed, f"iam:{verb}", other)


@pytest.mark.parametrize("action", ["SetDefaultPolicyVersion", "TagRole", "TagPolicy"])
def test_the_controller_chooses_no_version_and_consents_for_no_role(action: str) -> None:
    allowed = policy(CONTROLLER)
    for resource in (DENY, SESSIONS, APP, OWN):
        assert not is_allowed(allowed, f"iam:{action}", resource, TAGGED)
    assert is_allowed(allowed, "iam:GetPolicyVersion", SESSIONS, TAGGED)


def test_without_sessions_the_controller_writes_no_policy_and_removes_those_that_are_left() -> None:
    context = {**CONFIGURATIONS[ON], "brake_sessions": False}
    found = synthesize(context)
    names = Names(found.templates, stack_names.GOVERNANCE)
    principals_only = resolve(list(statements(found.governance, CONTROLLER)), names)
    actions = {
        action for entry in principals_only["Statement"] for action in as_list(entry["Action"])
    }
    assert actions == {
        *("iam:AttachRolePolicy", "iam:AttachUserPolicy"),
        *("iam:DetachGroupPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy"),
        *("iam:DeletePolicy", "iam:DeletePolicyVersion"),
        *("iam:GetPolicy", "iam:GetPolicyVersion"),
        *("iam:ListEntitiesForPolicy", "iam:ListPolicies", "iam:ListPolicyVersions"),
    }
    assert is_allowed(principals_only, "iam:DetachRolePolicy", APP, attach(SESSIONS))
    assert not is_allowed(principals_only, "iam:DeletePolicy", DENY)
    request = attach(SESSIONS, **TAGGED)
    assert not is_allowed(principals_only, "iam:AttachRolePolicy", APP, request)
    assert is_allowed(principals_only, "iam:AttachRolePolicy", APP, attach(DENY))


def test_the_watchdog_only_takes_off() -> None:
    allowed = policy(WATCHDOG)
    actions = {action for entry in allowed["Statement"] for action in as_list(entry["Action"])}
    assert actions == {
        *("iam:DetachGroupPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy"),
        "iam:ListEntitiesForPolicy",
    }
    for action, principal in (("iam:DetachRolePolicy", APP), ("iam:DetachUserPolicy", ANA)):
        assert is_allowed(allowed, action, principal, attach(DENY))
        assert not is_allowed(allowed, action, principal, attach(ADMINISTRATOR))
        assert not is_allowed(allowed, action, principal, attach(SESSIONS))
    table = [
        statement
        for statement in statements(deployment(ON).governance, WATCHDOG)
        if "Governance" in json.dumps(statement["Resource"])
    ]
    assert [as_list(statement["Action"]) for statement in table] == [
        ["dynamodb:Query"],
        ["dynamodb:PutItem"],
    ]
    assert {key for entry in table for key in list_keys(entry)} == {AUDIT_EVENTS, DENIES}


@pytest.mark.usefixtures("aws")
def test_the_fixed_policy_denies_all_that_is_billed_in_its_region() -> None:
    policy = DenyPolicy(boto3.client("iam"), boto3.client("sts"), REGION)
    assert policy.arn == DENY
    (statement,) = policy.document["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Deny", "*")
    assert sorted(statement["Action"]) == sorted(DENIED_ACTIONS)
    assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": REGION}}
    names = Names(deployment(ON).templates, stack_names.GOVERNANCE)
    for job in ("brake_controller", "brake_watchdog"):
        variables = find_function(deployment(ON).governance, job)["Environment"]
        assert names.resolve(variables["Variables"]["DENY_POLICY_ARN"]) == DENY


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_no_deployment_makes_a_managed_policy(configuration: str) -> None:
    """Whoever deploys could write in it what a function then attaches to others."""
    for template in deployment(configuration).templates.values():
        assert not resources(template, "AWS::IAM::ManagedPolicy")


def test_all_are_released_after_the_schedule_is_gone_and_before_the_rights_are() -> None:
    """CloudFormation deletes a resource before those that it depends on."""
    found = deployment(ON).governance["Resources"]
    (release,) = (name for name, each in found.items() if each["Type"] == "Custom::BedrockBrake")
    (schedule,) = (
        each
        for name, each in found.items()
        if each["Type"] == "AWS::Events::Rule" and name.startswith("BrakeController")
    )
    assert release in as_list(schedule["DependsOn"])
    needed, seen = [release], set[str]()
    while needed:
        name = needed.pop()
        if name in seen or name not in found:
            continue
        seen.add(name)
        text = json.dumps(found[name])
        needed += [other for other in found if f'"{other}"' in text]
    assert any(name.startswith("BrakeControllerRoleDefaultPolicy") for name in seen)


@pytest.mark.parametrize(
    ("name", "schedule"), [("BrakeController", "rate(1 minute)"), ("BrakeWatchdog", None)]
)
def test_the_brake_runs_by_the_clock(name: str, schedule: str | None) -> None:
    (rule,) = started_by(name, ON, stack=stack_names.GOVERNANCE)
    assert rule["ScheduleExpression"] == (schedule or "rate(5 minutes)")


def test_the_controller_writes_denies_and_events_and_no_budget() -> None:
    keys = {
        key
        for statement in statements(deployment(ON).governance, CONTROLLER)
        if set(as_list(statement["Action"])) & {"dynamodb:PutItem", "dynamodb:UpdateItem"}
        for key in as_list(
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        )
    }
    assert keys == {AUDIT_EVENTS, BRAKE, BRAKE_EVENTS, DENIES, DUE_BRAKE_EVENTS, REACTIONS}


@pytest.mark.parametrize("governance", [False, True])
def test_nothing_of_the_brake_is_deployed_by_default(governance: bool) -> None:
    found = synthesize({"governance": governance})
    text = json.dumps(dict(found.templates))
    for name in (
        "BrakeController",
        "BrakeWatchdog",
        "bedrock-meter-deny",
        "Health-ContestedDenies",
    ):
        assert name not in text
    assert "iam:AttachRolePolicy" not in text


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        ({"brake": True}, "brake: allowed: true only with governance"),
        (
            {"governance": True, "brake_sessions": True},
            "brake_sessions: allowed: true only with brake",
        ),
        ({"brake_max_denied": 0}, "brake_max_denied"),
        ({"brake_overflow": "deny"}, "brake_overflow"),
        ({"brake_exempt": ["arn:aws:iam::1:role/a"]}, r"brake_exempt\.0 = .*: allowed: patterns"),
        (
            {"brake_exempt": ["arn:aws:iam::*:role/${a}"]},
            r"brake_exempt\.0 = .*: allowed: patterns",
        ),
        (
            {"brake_exempt": [f"{IAM}:role/a{number}" for number in range(MAX_EXEMPT + 1)]},
            f"brake_exempt = .*allowed: at most {MAX_EXEMPT} patterns",
        ),
        ({"brake_exempt": ["admin"]}, r"brake_exempt\.0 = .*: allowed: patterns of ARNs of roles"),
        (
            {"brake_exempt": ["arn:aws:sts::111122223333:assumed-role/app/*"]},
            r"brake_exempt\.0 = .*: allowed: patterns of ARNs of roles",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    context: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Config.from_context(context)
