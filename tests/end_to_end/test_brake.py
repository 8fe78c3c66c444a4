"""The brake where policies are evaluated: who is denied, who is not, and who is let go."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.config.governance import AuditLock
from cdk.local_cloud.cloud import ACCOUNT, REGION
from cdk.operations.audit import AuditTrail, ConfiguredLock, export_audit, verify_audit
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.brake import BrakeSwitch, DenyState, make_releases
from lambdas.domain.budgets import BudgetChanges
from lambdas.domain.budgets.current_sums import BOOK_LIFETIME
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.denied import DENY, SESSIONS, create_session_policy
from tests.end_to_end.deployed import Deployed, calls, user
from tests.end_to_end.roles import Role
from tests.end_to_end.test_budgets import count_tokens, open_store, read_time
from tests.local_cloud.callers import OPERATIONS, TRUST, USES, client_in_session, list_refused
from tests.local_cloud.waiting import wait_for

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def session(name: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{name}"


BUDGETS = {
    "managed_by": "tests",
    "budgets": [
        {
            "name": "each",
            "scope": {"identity": [*map(session, ("ana", "ben")), *map(user, ("carl", "dora"))]},
            "per": "identity",
            "amount": {"total_tokens": 150},
            "period": {"every": "day"},
            "alerts": {"actual": [100], "forecast": []},
            "brake": "deny",
        }
    ],
}


@pytest.fixture(scope="module")
def braked(deployed: Deployed) -> Iterator[Deployed]:
    """The deployment with a brake that is on, and callers who have a budget each."""
    iam = deployed.cloud.client("iam")
    for name, tags in (
        ("app", [{"Key": "bedrock-meter-brake", "Value": "allowed"}]),
        ("plain", []),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags)
        iam.put_role_policy(RoleName=name, PolicyName="use", PolicyDocument=USES)
    for name in ("carl", "dora"):
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=USES)
    store = open_store(deployed, operator(deployed))
    declared = read_budgets(json.dumps(BUDGETS)).budgets
    book = store.write(BudgetChanges(declared), store.read().revision)
    for budget in declared:
        store.mark_active(budget.name, book.budgets[budget.name].generation)
    switch(deployed, is_on=True)
    known_at = datetime.now(UTC) + BOOK_LIFETIME
    wait_for(lambda: datetime.now(UTC) >= known_at)
    yield deployed
    switch(deployed, is_on=False)
    run(deployed)
    assert denies(deployed).list_denies() == []
    deleted = tuple(budget.name for budget in declared)
    store.write(BudgetChanges(deleted=deleted), store.read().revision)


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


def has_session_policy(braked: Deployed, role: str) -> bool:
    """Say if IAM has a policy of sessions attached to a role."""
    found = braked.cloud.client("iam").list_attached_role_policies(RoleName=role)
    return any(policy["PolicyArn"].startswith(SESSIONS) for policy in found["AttachedPolicies"])


def print_stages(reached: dict[str, float]) -> None:
    """Print the seconds of each stage, and of all, from the seconds at which each was reached."""
    print()
    spans = [*pairwise(reached), (next(iter(reached)), next(reversed(reached)))]
    for first, last in spans:
        figure = {
            "name": f"brake_{first}_to_{last}",
            "value": round(reached[last] - reached[first], 2),
            "unit": "s",
            "note": "in the local cloud, ten calls",
        }
        print(json.dumps(figure))


def act_as_controller(braked: Deployed) -> Any:
    """A client of IAM with the role of the function that denies."""
    name = braked.function_name("BrakeController", stack=stack_names.GOVERNANCE)
    described = braked.cloud.client("lambda").get_function_configuration(FunctionName=name)
    role = described["Role"].split("/")[-1]
    return client_in_session(braked.cloud, "iam", role, "controller")


def test_a_session_is_denied_seconds_after_its_calls_and_others_are_not(
    braked: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, ben = (
        client_in_session(braked.cloud, "bedrock-runtime", "app", name) for name in ("ana", "ben")
    )
    assert list_refused(ana) == set()
    stored = open_store(braked).read().budgets["each"]
    start = time.monotonic()
    messages = list(calls(session("ana"), 10))
    logged_at = read_time(messages[0])
    braked.log_calls(*messages)
    reached = {"log_event": 0.0}
    for stage, is_reached in (
        ("counter", lambda: count_tokens(braked, stored, logged_at, session("ana")) >= 150),
        (
            "decision",
            lambda: any(deny.target.arn == session("ana") for deny in denies(braked).list_denies()),
        ),
        ("policy_attached", lambda: has_session_policy(braked, "app")),
        ("refusal", lambda: list_refused(ana) == OPERATIONS.keys()),
    ):
        wait_for(is_reached)
        reached[stage] = time.monotonic() - start
    with capsys.disabled():
        print_stages(reached)
    wait_for(lambda: is_denied(braked, session("ana")))
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
    stored, messages = open_store(braked).read().budgets["each"], list(calls(user("carl"), 10))
    logged_at = read_time(messages[0])
    braked.log_calls(*messages)
    wait_for(lambda: count_tokens(braked, stored, logged_at, user("carl")) >= 150)
    run(braked)
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
    trail = AuditTrail(
        store=DynamoDbAuditStore(dynamodb, braked.bucket("AuditTableName")),
        anchors=S3AuditAnchors(braked.cloud.client("s3"), braked.bucket("AnchorBucketName")),
        lock=ConfiguredLock(AuditLock.GOVERNANCE, 400),
        budgets=open_store(braked),
        brake=state(braked),
        people=people(braked),
    )
    # Other tests change budgets and prices without an actor, and their entries may still come in.
    verify_audit(trail, datetime.now(UTC), reviewed=sys.maxsize)
    assert "The audit trail is intact." in capsys.readouterr().out


@pytest.mark.parametrize("role", ["app", "plain"])
def test_the_controller_attaches_the_fixed_policy_and_no_other_one(
    braked: Deployed, role: str
) -> None:
    iam = act_as_controller(braked)
    iam.attach_role_policy(RoleName=role, PolicyArn=DENY)
    iam.detach_role_policy(RoleName=role, PolicyArn=DENY)
    check_refusal(braked, role, ADMINISTRATOR)


def test_policies_of_sessions_go_to_tagged_roles_alone(braked: Deployed) -> None:
    iam, name = act_as_controller(braked), f"BrakeTest-{REGION}"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_policy(PolicyName=name, PolicyDocument=USES)
    made = create_session_policy(iam, "plain")
    iam.attach_role_policy(RoleName="app", PolicyArn=made)
    iam.detach_role_policy(RoleName="app", PolicyArn=made)
    check_refusal(braked, "plain", made)
    iam.delete_policy(PolicyArn=made)


def test_roles_of_the_meter_are_never_denied(braked: Deployed) -> None:
    name = braked.function_name("BrakeWatchdog", stack=stack_names.GOVERNANCE)
    role = braked.cloud.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    check_refusal(braked, role.split("/")[-1], DENY)


def check_refusal(braked: Deployed, role: str, policy: str) -> None:
    """Check that the controller may not attach a policy, because of its own conditions alone."""
    iam = act_as_controller(braked)
    request = {"RoleName": role, "PolicyArn": policy}
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.attach_role_policy(**request)
    own = Role(braked, braked.function_name("BrakeController", stack=stack_names.GOVERNANCE))
    with own.having(own.unconditioned()), own.unbounded():
        iam.attach_role_policy(**request)
        iam.detach_role_policy(**request)


def test_the_watchdog_takes_off_what_no_deny_is_stored_for(braked: Deployed) -> None:
    iam = braked.cloud.client("iam")
    iam.attach_role_policy(RoleName="plain", PolicyArn=DENY)
    braked.start("BrakeWatchdog", {}, stack=stack_names.GOVERNANCE)
    roles = iam.list_entities_for_policy(PolicyArn=DENY)["PolicyRoles"]
    assert [role["RoleName"] for role in roles] == []
