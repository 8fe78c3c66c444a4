"""The brake from counted calls to what IAM has attached, and back."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_items import query_partition
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import (
    BrakeSwitch,
    CauseKey,
    Deny,
    DenyCause,
    DenyState,
    Obstacle,
    PrincipalKind,
    PrincipalTarget,
    deny_in_region,
    make_releases,
)
from lambdas.domain.budgets import BrakeMode, BudgetAmount, BudgetSubject, BudgetUnit
from lambdas.functions.brake_controller import handler as controller
from lambdas.functions.brake_watchdog import handler as watchdog
from lambdas.functions.budget_evaluator import handler as evaluator
from tests.aws import clear_caches, embedded_metrics, lambda_context, subscribe_queue, take_events
from tests.budget_store import GOVERNANCE
from tests.functions.test_budgets import SMALL, apply, budgets, build, count, environment
from tests.functions.test_usage_counter import NOW, call

__all__ = ["environment"]  # a fixture of each test

ACCOUNT = "123456789012"  # of moto
DENY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/us-east-1/BedrockMeter-Deny-us-east-1"
CARL = f"arn:aws:iam::{ACCOUNT}:user/carl"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/ana"
USER = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "carl")
EACH = replace(SMALL, name="each", brake=BrakeMode.DENY, per=BudgetSubject.IDENTITY)


@pytest.fixture(autouse=True)
def account(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="carl")
    iam.create_role(
        RoleName="app",
        AssumeRolePolicyDocument="{}",
        Tags=[{"Key": "bedrock-meter-brake", "Value": "allowed"}],
    )
    iam.create_policy(
        PolicyName="BedrockMeter-Deny-us-east-1",
        Path="/bedrock-meter-deny/us-east-1/",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [deny_in_region("us-east-1")]}
        ),
    )
    for name, value in {
        "DENY_POLICY_ARN": DENY,
        "REGION": "us-east-1",
        "BRAKE_SESSIONS": "true",
    }.items():
        monkeypatch.setenv(name, value)


def state() -> DynamoDbBrakeState:
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


def switch(*, is_on: bool) -> None:
    state().write_switch(BrakeSwitch(is_on=is_on, by="ops", at=NOW))


def denies() -> DynamoDbDenies:
    return DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)


def list_events() -> list[str]:
    due = DynamoDbBrakeEvents(boto3.client("dynamodb"), GOVERNANCE).list_due()
    return [event.detail["kind"] for event in due]


def attached() -> set[str]:
    iam = boto3.client("iam")
    listed = [
        *iam.list_attached_user_policies(UserName="carl")["AttachedPolicies"],
        *iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"],
    ]
    return {policy["PolicyArn"] for policy in listed}


def use_up(*identities: str) -> None:
    count(*(call(number, identity_arn=arn) for number, arn in enumerate(identities * 3)))
    apply(EACH)
    build()


def run() -> None:
    controller.lambda_handler({}, lambda_context(900_000))


def test_nothing_is_denied_until_the_brake_is_switched_on() -> None:
    use_up(CARL)
    run()
    assert attached() == set()
    assert list_events() == ["would_deny"]
    switch(is_on=True)
    run()
    assert attached() == {DENY}
    assert sorted(list_events()) == ["denied", "would_deny"]


def test_switching_off_releases() -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    switch(is_on=False)
    run()
    assert attached() == set()
    assert list(denies().list_denies()) == []


def test_one_session_is_denied_by_a_policy_of_its_own() -> None:
    use_up(SESSION)
    switch(is_on=True)
    run()
    (arn,) = attached()
    assert arn.startswith(f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter/us-east-1/")
    iam = boto3.client("iam")
    role_id = iam.get_role(RoleName="app")["Role"]["RoleId"]
    version: Any = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    (statement,) = version["Document"]["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:userid"] == [f"{role_id}:ana"]


def test_a_release_by_hand_is_not_undone(capsys: pytest.CaptureFixture[str]) -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    (deny,) = denies().list_denies()
    for release in make_releases(deny, by="ops", at=NOW, until=None):
        state().add_release(release)
    for _ in range(2):
        run()
        assert attached() == set()
    assert list_events() == ["denied", "released"]
    assert not [metric for metric in embedded_metrics(capsys.readouterr().out) if metric.value]


def test_a_contested_deny_raises_the_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    iam = boto3.client("iam")
    for _ in range(4):
        (deny,) = denies().list_denies()
        assert deny.attached_at is not None
        denies().write(replace(deny, attached_at=deny.attached_at - timedelta(minutes=5)), None)
        iam.detach_user_policy(UserName="carl", PolicyArn=DENY)
        capsys.readouterr()
        run()
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("ContestedDenies", 1)
    assert attached() == set()


def test_a_deny_stays_contested_in_the_metric_of_each_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run that ends after it has stored the deny, and before its metrics, loses no alarm."""
    use_up(CARL)
    switch(is_on=True)
    run()
    (deny,) = denies().list_denies()
    denies().write(replace(deny, state=DenyState.CONTESTED, contested_at=datetime.now(UTC)), None)
    boto3.client("iam").detach_user_policy(UserName="carl", PolicyArn=DENY)
    for _ in range(2):
        capsys.readouterr()
        run()
        (metric,) = embedded_metrics(capsys.readouterr().out)
        assert (metric.name, metric.value) == ("ContestedDenies", 1)


def refuse(operation: str) -> None:
    """Let IAM refuse an operation from now on, as a boundary without it does."""

    def answer(**_: Any) -> None:
        error: Any = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}
        raise ClientError(error, operation)

    session = boto3.DEFAULT_SESSION
    assert session is not None
    session.events.register(f"before-call.iam.{operation}", answer)
    clear_caches()


@pytest.mark.parametrize("operation", ["GetRole", "ListPolicies", "CreatePolicy"])
def test_a_session_that_iam_lets_no_one_deny_raises_the_alarm(
    operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    use_up(SESSION)
    switch(is_on=True)
    refuse(operation)
    capsys.readouterr()
    run()
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("DelayedDenies", 1)


def test_a_release_that_iam_refuses_raises_the_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    switch(is_on=False)
    refuse("DetachUserPolicy")
    for _ in range(2):
        capsys.readouterr()
        run()
        (metric,) = embedded_metrics(capsys.readouterr().out)
        assert (metric.name, metric.value) == ("DelayedDenies", 1)
    (deny,) = denies().list_denies()
    assert (deny.state, deny.obstacle) == (DenyState.RELEASING, Obstacle.NOT_PERMITTED)


def test_more_denies_than_expected_raise_the_alarm_and_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAKE_MAX_DENIED", "1")
    use_up(CARL, SESSION)
    switch(is_on=True)
    clear_caches()
    capsys.readouterr()
    run()
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("ExcessiveDenies", 2)
    assert len(attached()) == 2


def test_an_exempt_principal_is_reported_and_not_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAKE_EXEMPT", json.dumps([f"arn:aws:iam::{ACCOUNT}:user/ca*"]))
    use_up(CARL)
    switch(is_on=True)
    clear_caches()
    run()
    assert attached() == set()
    assert list_events() == ["not_enforceable"]


def test_a_failure_of_one_budget_fails_the_run(caplog: pytest.LogCaptureFixture) -> None:
    use_up(CARL)
    switch(is_on=True)
    boto3.client("iam").delete_policy(PolicyArn=DENY)
    with pytest.raises(controller.BrakeRunError, match=CARL):
        run()
    assert "A caller or a budget failed" in caplog.messages


def test_a_refused_change_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    use_up(CARL)
    switch(is_on=True)
    boto3.client("iam").delete_user(UserName="carl")
    run()
    (line,) = (record for record in caplog.records if "not as it should be" in record.message)
    assert (vars(line)["caller"], vars(line)["reason"]) == (CARL, "principal_gone")
    assert list_events() == ["not_attached"]


def test_events_are_sent_with_the_alerts_of_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    entries = take_events()
    use_up(CARL)
    switch(is_on=True)
    run()
    for _ in range(2):
        evaluator.lambda_handler({}, lambda_context())
    subjects = [message["Subject"] for message in received()]
    assert subjects.count("Bedrock brake, each: denied") == 1
    (event,) = (entry for entry in entries if entry["DetailType"] == "Bedrock Meter Brake")
    assert json.loads(event["Detail"])["caller"] == {"arn": CARL, "grade": "principal"}
    assert list_events() == []


def test_an_event_that_is_not_delivered_stays_due_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:missing")
    take_events()
    use_up(CARL)
    run()
    with pytest.raises(evaluator.BudgetRunError, match="event of the brake not sent: SNS"):
        evaluator.lambda_handler({}, lambda_context())
    assert list_events() == ["would_deny"]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_deployment_changes_nothing(request_type: str) -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    answer = controller.lambda_handler({"RequestType": request_type}, lambda_context())
    assert answer == {"PhysicalResourceId": "bedrock-meter-brake"}
    assert attached() == {DENY}
    assert state().read_switch().is_on


def test_all_are_released_before_the_brake_is_removed() -> None:
    use_up(CARL, SESSION)
    switch(is_on=True)
    run()
    assert len(attached()) == 2
    answer = controller.lambda_handler({"RequestType": "Delete"}, lambda_context())
    assert answer == {"PhysicalResourceId": "bedrock-meter-brake"}
    assert attached() == set()
    assert not state().read_switch().is_on
    run()  # one that had begun
    assert attached() == set()
    listed = boto3.client("iam").list_policies(Scope="Local")["Policies"]
    assert [policy["Arn"] for policy in listed] == [DENY]


def test_the_brake_is_not_removed_while_a_caller_may_be_denied() -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    refuse("DetachUserPolicy")
    with pytest.raises(controller.BrakeRunError, match=f"{CARL}: not_permitted"):
        controller.lambda_handler({"RequestType": "Delete"}, lambda_context())
    assert attached() == {DENY}
    assert len(denies().list_denies()) == 1


def test_callers_are_released_without_the_table_before_the_brake_is_removed() -> None:
    use_up(CARL)
    switch(is_on=True)
    run()
    boto3.client("dynamodb").delete_table(TableName=GOVERNANCE)
    with pytest.raises(controller.BrakeRunError, match="not recorded: switch"):
        controller.lambda_handler({"RequestType": "Delete"}, lambda_context())
    assert attached() == set()


def store_deny(*, ended: timedelta) -> None:
    period = SMALL.periods.slot_at(NOW)
    cause = DenyCause(
        CauseKey("small", 1, "", period),
        NOW - ended,
        BudgetAmount(BudgetUnit.TOTAL_TOKENS, 40),
        41,
        0,
    )
    denies().write(
        Deny(target=USER, causes=(cause,), decided_at=NOW, state=DenyState.DENIED, attached_at=NOW),
        None,
    )
    boto3.client("iam").attach_user_policy(UserName="carl", PolicyArn=DENY)


def test_the_watchdog_takes_off_what_outlasts_its_end_and_raises_the_alarm(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    store_deny(ended=timedelta(minutes=6))
    with caplog.at_level(logging.ERROR):
        watchdog.lambda_handler({}, lambda_context())
    assert attached() == set()
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("OverdueDenies", 1)
    (line,) = caplog.records
    assert vars(line)["caller"] == CARL


def test_the_watchdog_leaves_a_deny_that_has_not_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_deny(ended=timedelta(hours=-1))
    watchdog.lambda_handler({}, lambda_context())
    assert attached() == {DENY}
    assert embedded_metrics(capsys.readouterr().out) == []


def test_the_watchdog_takes_off_what_no_deny_is_stored_for() -> None:
    boto3.client("iam").attach_user_policy(UserName="carl", PolicyArn=DENY)
    watchdog.lambda_handler({}, lambda_context())
    assert attached() == set()
    assert budgets().read().budgets == {}


class RefusedEvents:
    """Lets DynamoDB refuse each request that stores an event for the audit trail."""

    def __init__(self) -> None:
        session = boto3.DEFAULT_SESSION
        assert session is not None
        self._events: Any = session.events
        self._events.register("provide-client-params.dynamodb", self._refuse)
        clear_caches()

    def end(self) -> None:
        self._events.unregister("provide-client-params.dynamodb", self._refuse)
        clear_caches()

    def _refuse(self, params: Any, model: Any, **_: Any) -> None:
        if "audit-events" in str(params) and model.name in ("PutItem", "TransactWriteItems"):
            error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, model.name)


def list_recorded() -> list[str]:
    """The actions that are stored for the audit trail, apart from those of people."""
    items = query_partition(boto3.client("dynamodb"), GOVERNANCE, "audit-events")
    found = [item["action"]["S"] for item in items if "meter:" in str(item.get("changed_by"))]
    return sorted(found)


def test_a_release_that_cannot_be_recorded_happens_and_is_recorded_later() -> None:
    use_up(CARL, SESSION)
    switch(is_on=True)
    run()
    switch(is_on=False)
    refused = RefusedEvents()
    for _ in range(2):
        with pytest.raises(controller.BrakeRunError, match=CARL):
            run()
        assert attached() == set()
    assert len(denies().list_denies()) == 2
    refused.end()
    run()
    assert denies().list_denies() == []
    assert list_recorded() == ["deny.attach"] * 2 + ["deny.release"] * 2


def test_a_deny_that_cannot_be_recorded_is_not_attached() -> None:
    use_up(CARL, SESSION)
    switch(is_on=True)
    refused = RefusedEvents()
    with pytest.raises(controller.BrakeRunError, match=CARL):
        run()
    assert (attached(), denies().list_denies()) == (set(), [])
    refused.end()
    run()
    assert len(attached()) == 2


def test_the_watchdog_releases_although_it_cannot_record_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store_deny(ended=timedelta(minutes=6))
    RefusedEvents()
    watchdog.lambda_handler({}, lambda_context())
    assert attached() == set()
    (line,) = (each for each in caplog.records if "not in the audit trail" in each.message)
    assert vars(line)["caller"] == CARL


def test_all_are_released_before_a_removal_that_cannot_be_recorded_fails() -> None:
    use_up(CARL, SESSION)
    switch(is_on=True)
    run()
    refused = RefusedEvents()
    with pytest.raises(controller.BrakeRunError, match=CARL):
        controller.lambda_handler({"RequestType": "Delete"}, lambda_context())
    assert attached() == set()
    refused.end()
    controller.lambda_handler({"RequestType": "Delete"}, lambda_context())
    assert list_recorded() == ["deny.attach"] * 2 + ["deny.release"] * 2
