"""A verification asks first, and removes what it made, however it ends."""

import json
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from cdk.config import Config, stack_names
from cdk.operations.boundary import Boundary
from cdk.operations.terminal import CommandError
from cdk.operations.verification.check import Check, CheckFailedError, CheckSkippedError, Status
from cdk.operations.verification.denied_role import list_roles
from cdk.operations.verification.notification_queue import NotificationQueue, has_queue
from cdk.operations.verification.removal import remove_all
from cdk.operations.verification.verified_meter import VerifiedMeter
from cdk.operations.verification.verify_account import (
    Verification,
    VerificationRequest,
    remove_verification,
    verify_account,
)
from cdk.operations.verification.waiting import Waiting
from tests.operations.deployed import deploy
from tests.operations.verification.session import NO_WAITING, Bedrock, Session, meter

pytestmark = pytest.mark.usefixtures("aws")
TOPIC = "arn:aws:sns:us-east-1:123456789012:notifications"


def deploy_stacks(_: VerifiedMeter) -> str:
    for stack in stack_names.ALL:
        deploy(stack)
    return "deployed"


def fail(_: VerifiedMeter) -> str:
    message = "it does not count"
    raise CheckFailedError(message)


def skip(_: VerifiedMeter) -> str:
    message = "the setting is off"
    raise CheckSkippedError(message)


def interrupt(_: VerifiedMeter) -> str:
    raise KeyboardInterrupt


def verification(*checks: Check, deployment: Any = deploy_stacks) -> Verification:
    return Verification(meter(Session()), Check("deployment", deployment), checks)


def list_stacks() -> list[str]:
    stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return [stack["StackName"] for stack in stacks]


def test_checks_run_in_order_and_all_is_removed() -> None:
    run = verification(Check("a", fail), Check("b", skip), Check("c", lambda _: "fine"))
    run.run()
    assert [(result.name, result.status.value) for result in run.results] == [
        ("deployment", "passed"),
        ("a", "failed"),
        ("b", "skipped"),
        ("c", "passed"),
    ]
    assert run.results[1].reason == "it does not count"
    assert run.left == []
    assert list_stacks() == []


def test_after_a_failed_deployment_nothing_is_checked_and_its_stacks_are_removed() -> None:
    def fail_halfway(verified: VerifiedMeter) -> str:
        deploy(stack_names.STORAGE)
        return fail(verified)

    run = verification(Check("a", skip), deployment=fail_halfway)
    run.run()
    assert [result.status for result in run.results] == [Status.FAILED, Status.NOT_RUN]
    assert list_stacks() == []


def test_an_interrupted_run_is_removed_too() -> None:
    run = verification(Check("a", interrupt), Check("b", skip))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert [(result.name, result.status.value) for result in run.results] == [
        ("deployment", "passed"),
        ("a", "interrupted"),
        ("b", "not run"),
    ]
    assert run.left == []
    assert list_stacks() == []


def test_resources_that_cannot_be_removed_are_named() -> None:
    session: Any = Session(bedrock=Bedrock(logging={"s3Config": {}}))
    assert remove_all(session, NO_WAITING) == []  # it is of others
    ours = {"cloudWatchConfig": {"logGroupName": f"{stack_names.PREFIX}-Storage-Logs"}}
    session = Session(bedrock=Bedrock(logging=ours))
    assert remove_all(session, NO_WAITING) == [
        "Bedrock's invocation logging configuration, which logs to it"
    ]


def test_an_unexpected_error_fails_its_check_and_no_other() -> None:
    run = verification(
        Check("a", lambda _: dict[str, str]()["input"]), Check("b", lambda _: "fine")
    )
    run.run()
    assert [result.status.value for result in run.results] == ["passed", "failed", "passed"]
    assert run.results[1].reason == "KeyError: 'input'"


@pytest.mark.parametrize("name", ["report", "store_metrics"])
def test_unwritable_output_is_refused_before_anything_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    options: dict[str, Any] = {name: tmp_path / "file" / "output"}
    with pytest.raises(CommandError, match="cannot be written"):
        verify_account(None, VerificationRequest(tmp_path / "cdk", **options))  # type: ignore[arg-type]  # not used


def test_the_cdk_deploys_with_the_session_s_own_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another-token")
    session: Any = Session()
    Boundary(boto3.client("iam"), boto3.client("sts"), "us-east-1").put()
    cdk, seen = tmp_path / "cdk", tmp_path / "seen"
    cdk.write_text(f'#!/bin/sh\necho "$AWS_ACCESS_KEY_ID $AWS_SESSION_TOKEN" >{seen}\n')
    cdk.chmod(0o700)
    request = VerificationRequest(cdk, report=tmp_path / "report.json", is_confirmed=True)
    with pytest.raises(CommandError):
        verify_account(session, request, NO_WAITING)
    assert seen.read_text() == "session-key session-token\n"


def test_the_queue_gets_notifications_and_is_removed() -> None:
    session: Any = Session()
    boto3.client("sns").create_topic(Name="notifications")
    queue = NotificationQueue.open(session, TOPIC)
    boto3.client("sns").publish(TopicArn=TOPIC, Message="In ALARM")
    assert queue.await_text(NO_WAITING, lambda text: "ALARM" in text) == "In ALARM"
    assert queue.await_text(NO_WAITING, lambda text: "OK" in text) is None
    assert has_queue(session)
    assert remove_all(session, NO_WAITING) == []
    assert not has_queue(session)


def test_nothing_is_deployed_without_a_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    session: Any = Session()
    Boundary(boto3.client("iam"), boto3.client("sts"), "us-east-1").put()
    request = VerificationRequest(tmp_path / "cdk", report=tmp_path / "report.json")
    with pytest.raises(CommandError, match="nothing was deployed"):
        verify_account(session, request)
    printed = capsys.readouterr().out
    assert "calls a model 20 times" in printed
    assert "costs at most $0." in printed
    assert request.report.read_text() == ""


def test_a_verification_of_the_brake_says_first_what_it_makes_and_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    session: Any = Session()
    Boundary(boto3.client("iam"), boto3.client("sts"), "us-east-1", has_brake=True).put()
    settings = ("governance=true", "brake=true")
    request = VerificationRequest(tmp_path / "cdk", settings, report=tmp_path / "report.json")
    with pytest.raises(CommandError, match="nothing was deployed"):
        verify_account(session, request)
    printed = capsys.readouterr().out
    assert "It makes a role, which the brake denies and releases, and deletes it." in printed
    assert "It takes about 40 minutes" in printed
    assert list_roles(session) == []


def test_a_failed_run_writes_its_report_and_names_the_problems(tmp_path: Path) -> None:
    session: Any = Session()
    Boundary(boto3.client("iam"), boto3.client("sts"), "us-east-1").put()
    cdk = tmp_path / "cdk"
    cdk.write_text('#!/bin/sh\ntest "$AWS_REGION" = us-east-1 && exit 3\n')
    cdk.chmod(0o700)
    request = VerificationRequest(cdk, report=tmp_path / "report.json", is_confirmed=True)
    with pytest.raises(CommandError) as raised:
        verify_account(session, request, NO_WAITING)
    assert raised.value.details == (
        "deployment: cdk deploy ended with exit code 3: its own output says why",
    )
    report = json.loads(request.report.read_text())
    failed, *others = (result["status"] for result in report["results"])
    assert (failed, set(others)) == ("failed", {"not run"})
    assert report["left"] == []


@pytest.mark.parametrize("setting", ["regions=us-east-1,eu-west-1", "existing_logging=adopt"])
def test_settings_that_reach_outside_the_verification_are_refused(
    tmp_path: Path, setting: str
) -> None:
    request = VerificationRequest(tmp_path / "cdk", (setting,), report=tmp_path / "report.json")
    with pytest.raises(CommandError, match="does not take the setting"):
        verify_account(None, request)  # type: ignore[arg-type]  # not used


def test_a_removal_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for stack in stack_names.ALL:
        deploy(stack)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    session: Any = Session()
    with pytest.raises(CommandError, match="nothing was removed"):
        remove_verification(session, waiting=NO_WAITING)
    assert list_stacks() != []
    monkeypatch.setattr("builtins.input", lambda _: "remove")
    remove_verification(session, waiting=NO_WAITING)
    assert list_stacks() == []


def test_a_verification_has_a_log_group_of_its_own_where_the_settings_adopt_one() -> None:
    adopted = {"existing_logging": "adopt", "adopted_log_group": "/company/bedrock"}
    settings = dict(item.split("=") for item in VerificationRequest(Path("cdk")).settings)
    config = Config.from_context(adopted | settings)
    assert config.adopted_log_group is None


def test_a_stack_that_was_never_executed_is_not_waited_for() -> None:
    boto3.client("cloudformation").create_change_set(
        StackName=stack_names.MONITORING,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    pauses: list[float] = []
    waiting = Waiting(900, clock=lambda: sum(pauses), pause=pauses.append)
    remove_all(cast("boto3.Session", Session()), waiting)
    assert sum(pauses) < 900


def test_the_deployment_is_for_one_region_and_notifies_only_the_verification() -> None:
    settings = VerificationRequest(Path("cdk"), ("metric_detail=full",)).settings
    config = Config.from_context(dict(setting.split("=") for setting in settings))
    assert (config.regions, config.notify_emails, config.notify_https) == ((), (), ())
    assert config.metric_detail == "full"
