"""The brake where policies are evaluated: who is denied, who is not, and who is let go."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, REGION, open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from cdk.operations.audit import export_audit, verify_audit
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.brake import BrakeSwitch, DenyState, make_releases
from lambdas.domain.budgets import BudgetChanges
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.deployed import MODEL, Deployed, calls, user
from tests.end_to_end.test_budgets import count_tokens, open_store, read_time
from tests.local_cloud.waiting import wait_for

DENY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/{REGION}/BedrockMeter-Deny-{REGION}"
SESSIONS = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter/{REGION}/"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
USE = {"Effect": "Allow", "Action": ["bedrock:*", "s3:ListAllMyBuckets"], "Resource": "*"}
USES = json.dumps({"Version": "2012-10-17", "Statement": [USE]})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            }
        ],
    }
)
BUDGETS = {
    "managed_by": "tests",
    "budgets": [
        {
            "name": "each",
            "scope": {},
            "per": "identity",
            "amount": {"total_tokens": 150},
            "period": {"every": "day"},
            "alerts": {"actual": [100], "forecast": []},
            "brake": "deny",
        }
    ],
}
QUESTION = [{"role": "user", "content": [{"text": "Hello"}]}]
BODY = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": []})
OPERATIONS: Mapping[str, Callable[[Any], Any]] = {
    "Converse": lambda bedrock: bedrock.converse(modelId=MODEL, messages=QUESTION),
    "ConverseStream": lambda bedrock: bedrock.converse_stream(modelId=MODEL, messages=QUESTION),
    "InvokeModel": lambda bedrock: bedrock.invoke_model(modelId=MODEL, body=BODY),
    "InvokeModelWithResponseStream": lambda bedrock: bedrock.invoke_model_with_response_stream(
        modelId=MODEL, body=BODY
    ),
}
SECONDS_TO_A_DENY = 20
"""Taken high: three functions start, and each may be a new process."""


@pytest.fixture(scope="module")
def braked() -> Iterator[Deployed]:
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        settings = {"governance": True, "brake": True, "brake_sessions": True}
        deploy(cloud, synthesize(cloud, settings), has_brake=True)
        braked = Deployed(cloud)
        iam = cloud.client("iam")
        for name, tags in (
            ("app", [{"Key": "bedrock-meter-brake", "Value": "allowed"}]),
            ("plain", []),
        ):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags)
            iam.put_role_policy(RoleName=name, PolicyName="use", PolicyDocument=USES)
        for name in ("carl", "dora"):
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=USES)
        store = open_store(braked)
        declared = read_budgets(json.dumps(BUDGETS)).budgets
        for stored in store.write(BudgetChanges(declared), store.read().revision):
            store.mark_active(stored.budget.name, stored.generation)
        switch(braked, is_on=True)
        yield braked


def switch(braked: Deployed, *, is_on: bool) -> None:
    state(braked).write_switch(BrakeSwitch(is_on=is_on, by=operator(braked), at=datetime.now(UTC)))


def state(braked: Deployed) -> DynamoDbBrakeState:
    dynamodb = braked.cloud.client("dynamodb")
    return DynamoDbBrakeState(dynamodb, braked.bucket("GovernanceTableName"))


def denies(braked: Deployed) -> DynamoDbDenies:
    dynamodb = braked.cloud.client("dynamodb")
    return DynamoDbDenies(dynamodb, braked.bucket("GovernanceTableName"))


def people(braked: Deployed) -> DynamoDbPersonDirectory:
    dynamodb = braked.cloud.client("dynamodb")
    return DynamoDbPersonDirectory(dynamodb, braked.bucket("GovernanceTableName"))


def operator(braked: Deployed) -> str:
    return people(braked).get_or_create_id(user("operator"))


def export_entries(braked: Deployed) -> list[dict[str, Any]]:
    """The entries of the audit trail, as `bedrock-meter audit export` writes them."""
    exported = io.StringIO()
    dynamodb = braked.cloud.client("dynamodb")
    chain = DynamoDbAuditStore(dynamodb, braked.bucket("AuditTableName"))
    export_audit(chain, people(braked), exported, with_names=False)
    return [json.loads(line) for line in exported.getvalue().splitlines()]


def list_recorded(braked: Deployed, arn: str) -> list[tuple[str, str]]:
    """The actions of the audit trail on a caller, with their actors."""
    subject = f"principal:{people(braked).get_or_create_id(arn)}"
    return [
        (entry["action"], entry["changed_by"])
        for entry in export_entries(braked)
        if entry["subject"] == subject
    ]


def is_denied(braked: Deployed, arn: str) -> bool:
    return any(
        deny.target.arn == arn and deny.state is DenyState.DENIED
        for deny in denies(braked).list_denies()
    )


def release(braked: Deployed, arn: str) -> None:
    for deny in denies(braked).list_denies():
        if deny.target.arn == arn:
            for made in make_releases(deny, by=operator(braked), at=datetime.now(UTC), until=None):
                state(braked).add_release(made)


def run(braked: Deployed) -> None:
    braked.start("BrakeController", {}, stack=stack_names.GOVERNANCE)


def session(name: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{name}"


def assume(braked: Deployed, role: str, name: str, service: str) -> Any:
    """A client with the credentials of a session."""
    found = braked.cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=name
    )["Credentials"]
    return braked.cloud.client(
        service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )


def list_refused(bedrock: Any) -> set[str]:
    """The operations that are refused; an answer of the model, good or bad, is not."""
    refused = set()
    for name, ask in OPERATIONS.items():
        try:
            answer = ask(bedrock)
            for part in ("body", "stream"):
                if part in answer:
                    answer[part].close()
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                refused.add(name)
    return refused


def act_as_controller(braked: Deployed) -> Any:
    """A client of IAM with the role of the function that denies."""
    name = braked.function_name("BrakeController", stack=stack_names.GOVERNANCE)
    described = braked.cloud.client("lambda").get_function_configuration(FunctionName=name)
    return assume(braked, described["Role"].split("/")[-1], "controller", "iam")


def test_a_session_is_denied_seconds_after_its_calls_and_others_are_not(
    braked: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, ben = (assume(braked, "app", name, "bedrock-runtime") for name in ("ana", "ben"))
    assert list_refused(ana) == set()
    stored = open_store(braked).read().budgets["each"]
    start = time.monotonic()
    messages = list(calls(session("ana"), 10))
    logged_at = read_time(messages[0])
    braked.log_calls(*messages)
    stages = {}
    for stage, is_reached in (
        ("counter", lambda: count_tokens(braked, stored, logged_at, session("ana")) >= 150),
        (
            "decision",
            lambda: any(deny.target.arn == session("ana") for deny in denies(braked).list_denies()),
        ),
        ("policy_attached", lambda: is_denied(braked, session("ana"))),
    ):
        wait_for(is_reached)
        stages[stage] = round(time.monotonic() - start, 2)
    with capsys.disabled():
        print()
        for stage, seconds in stages.items():
            note = "in the local cloud, ten calls"
            figure = {"name": f"log_event_to_{stage}", "value": seconds, "unit": "s", "note": note}
            print(json.dumps(figure))
    assert stages["policy_attached"] < SECONDS_TO_A_DENY
    assert list_refused(ana) == OPERATIONS.keys()
    assert list_refused(ben) == set()
    release(braked, session("ana"))
    run(braked)
    assert list_refused(ana) == set()
    for _ in range(2):
        run(braked)
    assert list_refused(ana) == set()


def test_a_user_is_denied_as_a_whole_until_the_brake_is_switched_off(braked: Deployed) -> None:
    iam = braked.cloud.client("iam")
    clients = {}
    for name in ("carl", "dora"):
        key = iam.create_access_key(UserName=name)["AccessKey"]
        clients[name] = braked.cloud.client(
            "bedrock-runtime", key["AccessKeyId"], key["SecretAccessKey"]
        )
    braked.log_calls(*calls(user("carl"), 10))
    wait_for(lambda: is_denied(braked, user("carl")))
    assert list_refused(clients["carl"]) == OPERATIONS.keys()
    assert list_refused(clients["dora"]) == set()
    switch(braked, is_on=False)
    run(braked)
    assert list_refused(clients["carl"]) == set()
    assert iam.list_entities_for_policy(PolicyArn=DENY)["PolicyUsers"] == []
    switch(braked, is_on=True)
    run(braked)
    assert list_refused(clients["carl"]) == OPERATIONS.keys()


def test_denies_releases_and_the_switch_are_in_the_audit_trail(
    braked: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    """Comes after the tests that deny Ana and Carl, and release them."""
    ended = ("deny.release", "meter:brake_controller")
    begun = ("deny.attach", "meter:brake_controller")
    decided = ("deny.release_by_hand", operator(braked))
    wait_for(lambda: list_recorded(braked, session("ana")) == [begun, decided, ended])
    wait_for(lambda: list_recorded(braked, user("carl")) == [begun, ended, begun])
    entries = export_entries(braked)
    switched = [entry["after"]["is_on"] for entry in entries if entry["action"] == "brake.switch"]
    assert switched == [True, False, True]
    assert user("carl") not in json.dumps(entries)
    braked.start("AuditWriter", {}, stack=stack_names.GOVERNANCE)
    dynamodb = braked.cloud.client("dynamodb")
    verify_audit(
        DynamoDbAuditStore(dynamodb, braked.bucket("AuditTableName")),
        S3AuditAnchors(braked.cloud.client("s3"), braked.bucket("AnchorBucketName")),
        open_store(braked),
        people(braked),
    )
    assert "The audit trail is intact." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("role", "policy", "is_allowed"),
    [
        ("app", DENY, True),
        ("plain", DENY, True),
        ("app", ADMINISTRATOR, False),
        ("plain", ADMINISTRATOR, False),
    ],
)
def test_the_controller_attaches_no_other_policy(
    braked: Deployed, role: str, policy: str, is_allowed: bool
) -> None:
    iam = act_as_controller(braked)
    if is_allowed:
        iam.attach_role_policy(RoleName=role, PolicyArn=policy)
        iam.detach_role_policy(RoleName=role, PolicyArn=policy)
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.attach_role_policy(RoleName=role, PolicyArn=policy)


def test_policies_of_sessions_go_to_tagged_roles_alone(braked: Deployed) -> None:
    iam, name = act_as_controller(braked), f"BrakeTest-{REGION}"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_policy(PolicyName=name, PolicyDocument=USES)
    own = f"BedrockMeter-{REGION}-sessions-plain-1"
    made = iam.create_policy(PolicyName=own, Path=f"/bedrock-meter/{REGION}/", PolicyDocument=USES)[
        "Policy"
    ]["Arn"]
    assert made == SESSIONS + own
    iam.attach_role_policy(RoleName="app", PolicyArn=made)
    iam.detach_role_policy(RoleName="app", PolicyArn=made)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.attach_role_policy(RoleName="plain", PolicyArn=made)
    iam.delete_policy(PolicyArn=made)


def test_roles_of_the_meter_are_never_denied(braked: Deployed) -> None:
    iam = act_as_controller(braked)
    name = braked.function_name("BrakeWatchdog", stack=stack_names.GOVERNANCE)
    role = braked.cloud.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.attach_role_policy(RoleName=role.split("/")[-1], PolicyArn=DENY)


def test_the_watchdog_takes_off_what_no_deny_is_stored_for(braked: Deployed) -> None:
    iam = braked.cloud.client("iam")
    iam.attach_role_policy(RoleName="plain", PolicyArn=DENY)
    braked.start("BrakeWatchdog", {}, stack=stack_names.GOVERNANCE)
    roles = iam.list_entities_for_policy(PolicyArn=DENY)["PolicyRoles"]
    assert [role["RoleName"] for role in roles] == []


def test_all_are_released_before_governance_is_removed(braked: Deployed) -> None:
    """Comes last: it removes what the other tests need."""
    iam, cloudformation = braked.cloud.client("iam"), braked.cloud.client("cloudformation")
    iam.attach_role_policy(RoleName="plain", PolicyArn=DENY)
    cloudformation.delete_stack(StackName=stack_names.MONITORING)
    for stack in (stack_names.MONITORING, stack_names.GOVERNANCE):
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1}
        )
    for role in ("app", "plain"):
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert attached == []
    own = iam.list_policies(Scope="Local", PathPrefix="/bedrock-meter")["Policies"]
    assert [policy["Arn"] for policy in own] == []
