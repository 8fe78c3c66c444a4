"""Operators' commands: their output, and the one line that explains a failure."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cdk.config import stack_names
from cdk.operations import purge
from cdk.operations.account import in_account
from cdk.operations.deployment import Deployment, NotDeployedError
from cdk.operations.redrive import redrive_failures
from cdk.operations.send_test_notification import send_test_notification
from cdk.operations.terminal import CommandError
from dashboards.command_line.entry_point import FailedCommand
from lambdas.domain.logging_configuration import LoggingState
from tests.aws import LEDGER, QUARANTINE, STATE
from tests.command_line import BEDROCK_METER, call_command
from tests.infrastructure.synthesis import ROOT
from tests.operations.deployed import OUTPUTS, deploy


def test_a_missing_region_is_reported_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(CommandError, match="AWS_REGION"):
        in_account(redrive_failures)


def test_missing_credentials_are_reported_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(CommandError, match="there are no credentials"):
        in_account(redrive_failures)


def test_missing_credentials_are_reported_before_the_cdk_starts() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = kept | {
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
    }
    command = [*BEDROCK_METER, "prepare", "destroy", "--force"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("destroy: there are no credentials: run aws configure")
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    assert subprocess.run(command, env=environment | keys, check=False).returncode == 0


@pytest.mark.parametrize("target", ["bootstrap", "deploy", "destroy"])
def test_make_checks_credentials_first_with_the_profile_of_the_cdk(target: str) -> None:
    for setting in ("", "--profile me"):
        run = subprocess.run(
            ["make", "-n", target, f"SET={setting}"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        before_cdk = run.stdout.partition(f"bin/cdk {target}")[0]
        assert f"bedrock-meter prepare {target} {setting}".rstrip() in before_cdk


def test_a_missing_profile_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(CommandError, match=r"\(missing\) could not be found: correct AWS_PROFILE"):
        in_account(redrive_failures)


def test_an_incomplete_profile_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    configuration = tmp_path / "config"
    configuration.write_text("[profile role]\nrole_arn = arn:aws:iam::111122223333:role/x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_PROFILE", "role")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(CommandError, match=r"source_profile.*: correct AWS_PROFILE"):
        in_account(redrive_failures)


@pytest.mark.usefixtures("aws")
def test_the_region_comes_from_the_cdk_s_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    seen: list[str] = []
    in_account(lambda session: seen.append(session.region_name))
    assert seen == ["eu-west-1"]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("command", [redrive_failures, send_test_notification])
def test_before_a_deployment_one_line_explains_what_to_do(command: Any) -> None:
    with pytest.raises(CommandError, match="run make deploy"):
        in_account(command)


@pytest.mark.usefixtures("aws")
def test_an_unreachable_service_is_not_reported_as_a_refusal() -> None:
    def fail(_: boto3.Session) -> None:
        raise EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com")

    with pytest.raises(CommandError, match=r"^AWS does not answer: Could not connect"):
        in_account(fail)


@pytest.mark.usefixtures("aws")
def test_an_aws_error_is_reported_in_one_line() -> None:
    def fail(session: boto3.Session) -> None:
        session.client("dynamodb").describe_table(TableName="nothing-here")

    with pytest.raises(CommandError, match=r"AWS refused: .*not found") as caught:
        in_account(fail)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("aws")
def test_a_deployment_is_found_by_its_outputs() -> None:
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    deployment = Deployment(boto3.client("cloudformation"))
    assert deployment.log_processor == "processor"
    assert deployment.metric_publisher == "publisher"
    assert deployment.metered_log_group == "invocation-logs"
    assert deployment.status(stack_names.MONITORING) is None
    with pytest.raises(NotDeployedError, match="BedrockMeter-Monitoring is not deployed"):
        deployment.output(stack_names.MONITORING, "TopicArn")


@pytest.mark.usefixtures("aws")
def test_an_adopted_log_group_is_metered() -> None:
    deploy(stack_names.INGESTION, AdoptedLogGroupName="/audit/bedrock")
    assert Deployment(boto3.client("cloudformation")).metered_log_group == "/audit/bedrock"


@pytest.mark.usefixtures("aws")
def test_redrive_reports_that_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    boto3.client("s3").create_bucket(Bucket="failures")
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    in_account(redrive_failures)
    assert capsys.readouterr().out == "Processed 0 events; 0 are left.\n"


@pytest.mark.usefixtures("aws")
def test_redrive_fails_if_something_is_left() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="failures")
    s3.put_object(Bucket="failures", Key="aws/lambda/async/x", Body=b"{}")
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    with pytest.raises(CommandError, match="run make redrive again"):
        in_account(redrive_failures)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--from'. .*FROM=2026-01-31"),
        (["--from", "yesterday"], "'yesterday' is not a time in ISO 8601"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "--from has to be before --to"),
    ],
)
def test_replay_rejects_malformed_times(arguments: list[str], message: str) -> None:
    with pytest.raises(FailedCommand, match=message):
        call_command("replay", *arguments)


@pytest.mark.usefixtures("aws")
def test_replay_is_limited_to_the_ledger_s_retention(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The ledger would reject each older call and raise an alarm."""
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    boto3.client("logs").create_log_group(logGroupName=OUTPUTS[stack_names.STORAGE]["LogGroupName"])
    call_command("replay", "--from", "2020-01-01")
    printed = capsys.readouterr().out
    assert "keeps 90 days: replaying from" in printed
    assert "Delivered 0 log events" in printed
    with pytest.raises(FailedCommand, match="accepts no older calls"):
        call_command("replay", "--from", "2020-01-01", "--to", "2020-02-01")


def deploy_alarm(topic: str) -> None:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=OUTPUTS[stack_names.MONITORING]["TestAlarmName"],
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    deploy(stack_names.MONITORING, TopicArn=topic)


def test_a_test_notification_lists_its_recipients(
    session: boto3.Session,
    capsys: pytest.CaptureFixture[str],
) -> None:
    topic = boto3.client("sns").create_topic(Name="notifications")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    deploy_alarm(topic)
    states: list[str] = []
    session.events.register(
        "provide-client-params.cloudwatch.SetAlarmState",
        lambda params, **_: states.append(params["StateValue"]),
    )
    send_test_notification(session)
    assert "A second message follows" not in capsys.readouterr().out
    send_test_notification(session)  # in ALARM already, and has to change to notify
    assert states == ["ALARM", "OK", "ALARM"]
    printed = capsys.readouterr().out
    assert "A second message follows: LoggingWatcher" in printed
    assert "a@example.com" in printed
    assert "NOT confirmed" not in printed


def test_a_test_notification_lists_unconfirmed_recipients(
    session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = boto3.client("sns").create_topic(Name="notifications")["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    session.events.register(
        "after-call.sns.ListSubscriptionsByTopic",
        lambda parsed, **_: parsed["Subscriptions"][0].update(
            SubscriptionArn="PendingConfirmation", Endpoint="\x1b[2J"
        ),
    )
    deploy_alarm(topic)
    send_test_notification(session)
    printed = capsys.readouterr().out
    assert "NOT confirmed" in printed
    assert "\x1b" not in printed


TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
    },
}
KEPT: dict[str, Any] = {
    "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    "Parameter": {
        "Type": "AWS::SSM::Parameter",
        "DeletionPolicy": "Retain",
        "Properties": {"Name": "logging_state", "Type": "String", "Value": "nothing yet"},
    },
    "Logs": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
    "Ledger": TABLE,
    "State": TABLE,
    "Key": {
        "Type": "AWS::KMS::Key",
        "DeletionPolicy": "Retain",
        "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}},
    },
}


@pytest.fixture
def session(aws: None) -> boto3.Session:
    """A session whose CloudFormation lets termination protection be lifted, which moto does not."""
    session = boto3.Session()
    session.events.register(
        "before-call.cloudformation.UpdateTerminationProtection",
        lambda **_: (SimpleNamespace(status_code=200), {}),  # type: ignore[arg-type]  # it may answer
    )
    return session


def test_purge_deletes_retained_data_and_the_stack(session: boto3.Session) -> None:
    deploy(stack_names.STORAGE, KEPT)
    s3 = boto3.client("s3")
    before = {entry["Name"] for entry in s3.list_buckets()["Buckets"]}
    (bucket,) = before - {QUARANTINE}
    s3.put_object(Bucket=bucket, Key="rejected/x", Body=b"x")
    deleted = purge.purge(session)
    assert sorted(line.split()[0] for line in deleted) == [
        *("AWS::DynamoDB::Table", "AWS::DynamoDB::Table"),
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SSM::Parameter",
    ]
    assert {entry["Name"] for entry in s3.list_buckets()["Buckets"]} == {QUARANTINE}
    assert boto3.client("logs").describe_log_groups()["logGroups"] == []
    assert set(boto3.client("dynamodb").list_tables()["TableNames"]) == {LEDGER, STATE}
    assert Deployment(boto3.client("cloudformation")).status(stack_names.STORAGE) is None


def test_purge_empties_large_buckets_and_stops_at_undeletable_objects(
    session: boto3.Session,
) -> None:
    deploy(stack_names.STORAGE, {"Bucket": KEPT["Bucket"]})
    s3 = boto3.client("s3")
    (bucket,) = {entry["Name"] for entry in s3.list_buckets()["Buckets"]} - {QUARANTINE}
    for number in range(1_001):  # a page holds a thousand
        s3.put_object(Bucket=bucket, Key=f"rejected/{number}", Body=b"")

    def refuse(parsed: Any, **_: Any) -> None:
        parsed["Errors"] = [{"Key": "rejected/7", "Code": "AccessDenied", "Message": "no"}]

    session.events.register("after-call.s3.DeleteObjects", refuse)
    with pytest.raises(CommandError, match="rejected/7 was not deleted: no"):
        purge.purge(session)
    session.events.unregister("after-call.s3.DeleteObjects", refuse)
    purge.purge(session)
    assert {entry["Name"] for entry in s3.list_buckets()["Buckets"]} == {QUARANTINE}


@pytest.mark.parametrize(("mode", "is_kept"), [("GOVERNANCE", False), ("COMPLIANCE", True)])
def test_purge_leaves_and_names_a_bucket_whose_objects_no_one_can_delete(
    session: boto3.Session, capsys: pytest.CaptureFixture[str], mode: str, *, is_kept: bool
) -> None:
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": mode, "Days": 365}},
    }
    s3 = boto3.client("s3")
    before = {entry["Name"] for entry in s3.list_buckets()["Buckets"]}
    deploy(stack_names.STORAGE, {"Bucket": KEPT["Bucket"]})
    (bucket,) = {entry["Name"] for entry in s3.list_buckets()["Buckets"]} - before
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)  # type: ignore[arg-type]
    s3.put_object(Bucket=bucket, Key="anchors/x", Body=b"x", ChecksumAlgorithm="SHA256")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    deleted = purge.purge(session)
    left = {entry["Name"] for entry in s3.list_buckets()["Buckets"]} - before
    for name in left:  # its policy would keep everyone from deleting it when its locks end
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            s3.get_bucket_policy(Bucket=name)
    assert (left == {bucket}) is is_kept
    assert (f"{bucket} stays: anchors" in capsys.readouterr().out) is is_kept
    assert bool(deleted) is not is_kept


def test_purge_deletes_every_version_of_an_object(session: boto3.Session) -> None:
    deploy(stack_names.STORAGE, {"Bucket": KEPT["Bucket"]})
    s3 = boto3.client("s3")
    (bucket,) = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} - {QUARANTINE}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="current.json", Body=text)
    s3.delete_object(Bucket=bucket, Key="current.json")
    purge.purge(session)
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == {QUARANTINE}


@pytest.mark.usefixtures("aws")
def test_purge_shows_a_saved_logging_configuration_that_was_not_restored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(stack_names.STORAGE, KEPT, LoggingStateParameterName="logging_state")
    logging_state = LoggingState(found={"s3Config": {"bucketName": "archive"}})
    boto3.client("ssm").put_parameter(
        Name="logging_state", Value=logging_state.to_text(), Overwrite=True
    )
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(CommandError, match="nothing was deleted"):
        in_account(purge.confirm_and_purge)
    assert '"bucketName": "archive"' in capsys.readouterr().out


@pytest.mark.usefixtures("aws")
def test_purge_supports_deployments_without_a_state_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(OUTPUTS[stack_names.STORAGE], "StateTableName")
    deploy(stack_names.STORAGE, KEPT, LoggingStateParameterName="logging_state")
    logging_state = LoggingState(found={"s3Config": {"bucketName": "archive"}})
    boto3.client("ssm").put_parameter(
        Name="logging_state", Value=logging_state.to_text(), Overwrite=True
    )
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(CommandError, match="nothing was deleted"):
        in_account(purge.confirm_and_purge)
    assert '"bucketName": "archive"' in capsys.readouterr().out


def test_an_interrupted_purge_can_be_resumed(session: boto3.Session) -> None:
    deploy(stack_names.STORAGE, KEPT)
    (group,) = boto3.client("logs").describe_log_groups()["logGroups"]
    boto3.client("logs").delete_log_group(logGroupName=group["logGroupName"])
    boto3.client("ssm").delete_parameter(Name="logging_state")
    purge.purge(session)
    assert Deployment(boto3.client("cloudformation")).status(stack_names.STORAGE) is None


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("answer", ["", "yes", "PURGE!"])
def test_purge_without_confirmation_deletes_nothing(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    deploy(stack_names.STORAGE, KEPT)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with pytest.raises(CommandError, match="nothing was deleted"):
        in_account(purge.confirm_and_purge)
    assert len(boto3.client("logs").describe_log_groups()["logGroups"]) == 1


@pytest.mark.usefixtures("aws")
def test_purge_is_refused_until_the_other_stacks_are_destroyed() -> None:
    deploy(stack_names.STORAGE)
    deploy(stack_names.MONITORING)
    with pytest.raises(CommandError, match="run make destroy first"):
        purge.purge(boto3.Session())


@pytest.mark.usefixtures("aws")
def test_purge_reports_that_there_is_nothing_to_delete() -> None:
    with pytest.raises(NotDeployedError, match="there is nothing to delete"):
        purge.purge(boto3.Session())


def test_outputs_match_the_templates() -> None:
    from tests.infrastructure.synthesis import deployment  # noqa: PLC0415  # only this one needs it

    for stack, names in OUTPUTS.items():
        outputs = deployment("adopting").templates[stack]["Outputs"]
        assert names.keys() <= outputs.keys(), json.dumps(sorted(outputs))
    assert "AdoptedLogGroupName" in deployment("adopting").ingestion["Outputs"]
