"""The doctor finds problems, changes nothing and never ends in a traceback."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.config.masked_identifiers import MASKED_IDENTIFIERS
from cdk.operations.account import in_account
from cdk.operations.boundary import Boundary
from cdk.operations.deployer_policies import DeployerPolicy, Subject
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from cdk.operations.doctor import check_account
from cdk.operations.terminal import CommandError
from dashboards.command_line.commands.deny import open_brake
from lambdas.domain.ledger.state_table import COPIED_STATES, LOGGING_STATE_KEY
from lambdas.domain.logging_configuration import LoggingState
from tests.aws import list_batch_jobs
from tests.operations.deployed import deploy

FOREIGN = {
    "cloudWatchConfig": {
        "logGroupName": "/audit/bedrock",
        "roleArn": "arn:aws:iam::123456789012:role/audit",
    },
    "textDataDeliveryEnabled": True,
}


@pytest.fixture
def session(aws: None) -> boto3.Session:
    return boto3.Session()


def examine(session: boto3.Session, **settings: Any) -> dict[str, CheckResult]:
    deployment = Deployment(session.client("cloudformation"))
    findings = DeploymentChecks(session, deployment, **settings, open_brake=open_brake).examine()
    return {finding.check: finding for finding in findings}


def bootstrap(version: str = "21") -> None:
    boto3.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String"
    )
    boundary().put()


def boundary(adopted_log_group: str | None = None) -> Boundary:
    return Boundary(boto3.client("iam"), boto3.client("sts"), "us-east-1", adopted_log_group)


def switch_logging_on(configuration: Any = FOREIGN) -> None:
    boto3.client("logs").create_log_group(logGroupName="/audit/bedrock")
    boto3.client("bedrock").put_model_invocation_logging_configuration(loggingConfig=configuration)


def save(logging_state: LoggingState) -> None:
    boto3.client("ssm").put_parameter(
        Name="logging-memory", Value=logging_state.to_text(), Type="String"
    )


def subscribe(*names: str) -> None:
    for name in names:
        boto3.client("logs").put_subscription_filter(
            logGroupName="/audit/bedrock",
            filterName=name,
            filterPattern="",
            destinationArn=boto3.client("kinesis").describe_stream(StreamName="elsewhere")[
                "StreamDescription"
            ]["StreamARN"],
            roleArn="arn:aws:iam::123456789012:role/logs",
        )


def test_a_prepared_account_has_no_problem(session: boto3.Session) -> None:
    bootstrap()
    findings = examine(session)
    assert Status.PROBLEM not in {finding.status for finding in findings.values()}
    assert "123456789012, us-east-1" in findings["account"].text
    assert "make deploy turns it on" in findings["invocation logging"].text


def test_a_missing_permissions_boundary_is_a_problem(session: boto3.Session) -> None:
    found = examine(session)["permissions boundary"]
    assert found.status is Status.PROBLEM
    assert found.text == "BedrockMeter-Boundary-us-east-1 is missing: run make bootstrap."
    boundary("/audit/bedrock").put()
    found = examine(session)["permissions boundary"]
    assert found.status is Status.WARNING
    assert "of another version, or of other settings: run make bootstrap" in found.text
    boundary().put()
    assert examine(session)["permissions boundary"].status is Status.OK


def test_outdated_policies_of_the_deployer_are_reported_where_they_are_used(
    session: boto3.Session,
) -> None:
    found = examine(session)["deployer's policies"]
    assert (found.status, found.text) == (
        Status.OK,
        "Not used: CloudFormation deploys with other policies.",
    )
    iam, sts = session.client("iam"), session.client("sts")
    for subject in Subject:
        DeployerPolicy(iam, sts, "us-east-1", subject).put()
    found = examine(session)["deployer's policies"]
    assert (found.status, found.text) == (
        Status.OK,
        "BedrockMeter-Deployer-Data, BedrockMeter-Deployer-Functions",
    )
    iam.create_policy_version(
        PolicyArn="arn:aws:iam::123456789012:policy/BedrockMeter-Deployer-Functions",
        PolicyDocument=Subject.DATA.file.read_text(),
        SetAsDefault=True,
    )
    found = examine(session)["deployer's policies"]
    assert found.status is Status.WARNING
    assert found.text.startswith("BedrockMeter-Deployer-Functions is of another version")


@pytest.mark.parametrize(("version", "text"), [(None, "Not bootstrapped"), ("3", "too old")])
def test_a_missing_bootstrap_is_a_problem(
    session: boto3.Session, version: str | None, text: str
) -> None:
    if version is not None:
        bootstrap(version)
    found = examine(session)["CDK bootstrap"]
    assert found.status is Status.PROBLEM
    assert text in found.text
    assert "make bootstrap" in found.text


def test_foreign_logging_is_named_with_the_settings_that_fit(
    session: boto3.Session,
) -> None:
    switch_logging_on()
    found = examine(session)["invocation logging"]
    assert found.status is Status.WARNING
    assert "adopted_log_group=/audit/bedrock" in found.text
    assert "existing_logging=replace" in found.text
    assert "prompts and completions" in found.text


def test_logging_to_a_bucket_only_cannot_be_adopted(session: boto3.Session) -> None:
    switch_logging_on({"s3Config": {"bucketName": "audit"}, "textDataDeliveryEnabled": False})
    found = examine(session)["invocation logging"]
    assert "adopt" not in found.text
    assert "bucket audit, metadata only" in found.text


def test_a_reporting_stack_without_reports_is_reported_as_left_over(session: boto3.Session) -> None:
    deployment = Deployment(session.client("cloudformation"))
    without = tuple(name for name in stack_names.ALL if name != stack_names.REPORTING)

    def look() -> CheckResult:
        findings = DeploymentChecks(
            session, deployment, stacks=without, open_brake=open_brake
        ).examine()
        return next(found for found in findings if found.check == "stacks")

    assert stack_names.REPORTING not in look().text
    deployment = Deployment(session.client("cloudformation"))
    deploy(stack_names.REPORTING)
    found = look()
    assert found.status is Status.WARNING
    assert "delete-stack --stack-name BedrockMeter-Reporting" in found.text


def test_the_meter_s_logging_is_recognized(session: boto3.Session) -> None:
    switch_logging_on()
    live = boto3.client("bedrock").get_model_invocation_logging_configuration()["loggingConfig"]
    save(LoggingState(written=(dict(live),)))
    deploy(stack_names.STORAGE)
    found = examine(session)["invocation logging"]
    assert found.status is Status.OK
    assert found.text.endswith("; configured by Bedrock Meter.")


def test_adopted_logging_is_no_problem(session: boto3.Session) -> None:
    switch_logging_on()
    save(LoggingState(adopted="/audit/bedrock"))
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION, AdoptedLogGroupName="/audit/bedrock")
    found = examine(session)["invocation logging"]
    assert found.status is Status.OK
    assert found.text.endswith("; not configured by Bedrock Meter, adopted.")


def test_logging_changed_after_the_deployment_is_a_problem(session: boto3.Session) -> None:
    save(LoggingState(written=({**FOREIGN, "textDataDeliveryEnabled": False},)))
    switch_logging_on()
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    found = examine(session)["invocation logging"]
    assert found.status is Status.PROBLEM
    assert "Bedrock Meter counts nothing" in found.text


def test_a_configuration_that_could_not_be_restored_is_reported(session: boto3.Session) -> None:
    save(LoggingState(found=FOREIGN))
    deploy(stack_names.STORAGE)
    found = examine(session)["invocation logging"]
    assert found.status is Status.WARNING
    assert "earlier configuration, to log group /audit/bedrock" in found.text


@pytest.mark.parametrize("text", ["{", "[]", '{"written": 5}', "null"])
def test_an_overwritten_logging_state_is_a_problem(session: boto3.Session, text: str) -> None:
    boto3.client("ssm").put_parameter(Name="logging-memory", Value=text, Type="String")
    deploy(stack_names.STORAGE)
    found = examine(session)["invocation logging"]
    assert found.status is Status.PROBLEM
    assert "get-parameter-history" in found.text


def test_a_logging_state_that_differs_from_its_copy_is_a_problem(session: boto3.Session) -> None:
    save(LoggingState(found={"s3Config": {"bucketName": "attacker-bucket"}}))
    copy = LoggingState(found=FOREIGN).to_text()
    boto3.client("dynamodb").put_item(
        TableName="meter-state",
        Item={"pk": {"S": LOGGING_STATE_KEY}, COPIED_STATES: {"L": [{"S": copy}]}},
    )
    deploy(stack_names.STORAGE)
    found = examine(session)["invocation logging"]
    assert found.status is Status.PROBLEM
    assert "replaced: bucket attacker-bucket" in found.text


def test_a_stack_without_outputs_is_a_problem_and_stops_no_other_check(
    session: boto3.Session,
) -> None:
    template = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    boto3.client("cloudformation").create_stack(
        StackName=stack_names.STORAGE, TemplateBody=template
    )
    findings = examine(session)
    assert findings["invocation logging"].status is Status.PROBLEM
    assert "has no LoggingStateParameterName" in findings["invocation logging"].text
    assert findings["trail"].status is Status.WARNING


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("UPDATE_COMPLETE", Status.OK),
        ("UPDATE_ROLLBACK_COMPLETE", Status.WARNING),
        ("ROLLBACK_COMPLETE", Status.PROBLEM),
        ("REVIEW_IN_PROGRESS", Status.PROBLEM),
        ("UPDATE_ROLLBACK_FAILED", Status.PROBLEM),
    ],
)
def test_a_failed_stack_is_a_problem(session: boto3.Session, state: str, status: Status) -> None:
    deploy(stack_names.STORAGE)
    deploy(stack_names.MONITORING)

    def set_status(parsed: Any, **_: Any) -> None:
        for stack in parsed.get("Stacks", []):
            stack["StackStatus"] = state

    session.events.register("after-call.cloudformation.DescribeStacks", set_status)
    found = examine(session)["stacks"]
    assert found.status is status
    assert state in found.text


def test_disabled_logging_is_a_problem(session: boto3.Session) -> None:
    save(LoggingState())
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    assert examine(session)["invocation logging"].status is Status.PROBLEM


def test_a_log_group_without_a_free_subscription_slot_is_a_problem(session: boto3.Session) -> None:
    boto3.client("kinesis").create_stream(StreamName="elsewhere", ShardCount=1)
    switch_logging_on()
    subscribe("siem")
    assert examine(session)["subscription"].status is Status.OK
    subscribe("lake")
    found = examine(session)["subscription"]
    assert found.status is Status.PROBLEM
    assert "siem" in found.text
    assert "lake" in found.text


@pytest.mark.parametrize("others", [(), ("siem",)])
def test_a_removed_subscription_is_a_problem(
    session: boto3.Session, others: tuple[str, ...]
) -> None:
    boto3.client("kinesis").create_stream(StreamName="elsewhere", ShardCount=1)
    switch_logging_on()
    subscribe(*others)
    deploy(stack_names.INGESTION, AdoptedLogGroupName="/audit/bedrock")
    found = examine(session)["subscription"]
    assert found.status is Status.PROBLEM
    assert "has no subscription filter of the meter any more" in found.text


def test_a_deleted_log_group_is_a_problem(session: boto3.Session) -> None:
    deploy(stack_names.INGESTION, AdoptedLogGroupName="/audit/bedrock")
    found = examine(session)["subscription"]
    assert found.status is Status.PROBLEM
    assert "/audit/bedrock is gone" in found.text


def test_the_meter_s_subscription_does_not_count_as_a_used_slot(session: boto3.Session) -> None:
    boto3.client("kinesis").create_stream(StreamName="elsewhere", ShardCount=1)
    switch_logging_on()
    subscribe("siem", "BedrockMeter-Ingestion-Subscription-1A2B")
    found = examine(session)["subscription"]
    assert found.status is Status.OK
    assert found.text == "/audit/bedrock is subscribed. Other subscription filters: siem."


def test_an_unconfirmed_address_is_a_problem(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = boto3.client("sns").create_topic(Name="notifications")["TopicArn"]
    deploy(stack_names.MONITORING, TopicArn=topic)
    assert "There are no subscribers" in examine(session)["notifications"].text
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert examine(session)["notifications"].status is Status.OK
    session.events.register(
        "after-call.sns.ListSubscriptionsByTopic",
        lambda parsed, **_: parsed["Subscriptions"][0].update(
            SubscriptionArn="PendingConfirmation"
        ),
    )
    found = examine(session)["notifications"]
    assert (found.status, found.text) == (
        Status.PROBLEM,
        "Not confirmed, so these receive nothing: a@example.com",
    )


def test_traffic_outside_the_logs_is_reported(session: boto3.Session) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/BedrockMantle",
        MetricData=[
            {
                "MetricName": "Inferences",
                "Value": 3,
                "Timestamp": datetime.now(UTC) - timedelta(hours=1),
            }
        ],
    )
    assert examine(session)["bedrock-mantle"].status is Status.WARNING


@pytest.mark.parametrize(
    ("buckets", "status", "text"),
    [
        (("a", "b"), Status.OK, "3 jobs within 14 days; all write to buckets"),
        (("a",), Status.WARNING, "add their output buckets to batch_output_buckets: b"),
        ((), Status.WARNING, "batch_output_buckets: a, b"),
    ],
)
def test_batch_jobs_with_uncounted_tokens_are_reported(
    session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
    buckets: tuple[str, ...],
    status: Status,
    text: str,
) -> None:
    assert examine(session)["batch jobs"].text == "None within 14 days"
    list_batch_jobs(
        monkeypatch,
        *(
            {"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": uri}}}
            for uri in ("s3://a/x/", "s3://b/x/", "s3://b")
        ),
    )
    deployment = Deployment(session.client("cloudformation"))
    deployment_checks = DeploymentChecks(
        session, deployment, batch_output_buckets=buckets, open_brake=open_brake
    )
    (found,) = (finding for finding in deployment_checks.examine() if finding.check == "batch jobs")
    assert found.status is status
    assert text in found.text


def enable(session: boto3.Session, *regions: str) -> None:
    """Answer what moto does not: the list of Regions."""
    answer = {"Regions": [{"RegionName": region} for region in regions]}
    session.events.register(
        "before-call.account.ListRegions",
        lambda **_: (type("Answer", (), {"status_code": 200}), answer),  # type: ignore[arg-type]
    )


def call_in(region: str, namespace: str = "AWS/Bedrock", metric: str = "Invocations") -> None:
    # A minute ago: the end of what is asked for is exclusive, and sent in whole seconds.
    called_at = datetime.now(UTC) - timedelta(minutes=1)
    datum: Any = {"MetricName": metric, "Value": 1, "Timestamp": called_at}
    client = boto3.client("cloudwatch", region_name=region)
    client.put_metric_data(Namespace=namespace, MetricData=[datum])


def test_regions_with_bedrock_calls_are_named(session: boto3.Session) -> None:
    enable(session, "us-east-1", "eu-north-1", "eu-west-1", "eu-west-2", "us-west-2")
    assert examine(session)["other Regions"].text.endswith("in 4 other Regions.")
    for region in ("us-east-1", "eu-north-1", "eu-west-1", "us-west-2"):
        call_in(region)
    call_in("eu-west-1", "BedrockMeter")
    call_in("eu-west-2", "AWS/BedrockMantle", "Inferences")
    deployment = Deployment(session.client("cloudformation"))
    findings = DeploymentChecks(
        session, deployment, ("us-east-1", "us-west-2"), open_brake=open_brake
    ).examine()
    (found,) = (finding for finding in findings if finding.check == "other Regions")
    assert found.status is Status.WARNING
    assert "not metered, in eu-north-1, eu-west-2: deploy there" in found.text


def test_a_region_that_denies_access_is_unreadable_not_quiet(session: boto3.Session) -> None:
    enable(session, "us-east-1", "eu-north-1", "eu-west-1")

    def deny(context: dict[str, Any], **_: Any) -> Any:
        if context["client_region"] != "eu-north-1":
            return None
        denied = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}
        return type("Answer", (), {"status_code": 403}), denied

    session.events.register("before-call.cloudwatch.ListMetrics", deny)
    found = examine(session)["other Regions"]
    assert found.status is Status.UNKNOWN
    assert found.text == "Could not read: eu-north-1 (AccessDenied). Calls there are unknown."


def test_regions_unreadable_to_the_function_are_counted(session: boto3.Session) -> None:
    enable(session, "us-east-1")
    call_in("us-east-1", "BedrockMeter/Health", "UnreadableRegions")
    found = examine(session)["other Regions"]
    assert found.status is Status.UNKNOWN
    assert "TrafficAuditor cannot read 1 Regions " in found.text


def test_a_denied_list_of_regions_is_unknown(session: boto3.Session) -> None:
    assert examine(session)["other Regions"].status is Status.UNKNOWN


def test_policies_of_the_account_are_named_before_a_deployment(
    session: boto3.Session, account_policies: list[dict[str, str]]
) -> None:
    assert examine(session)["log policies"].status is Status.OK
    account_policies += [
        {"policyType": "SUBSCRIPTION_FILTER_POLICY", "policyName": "corp"},
        {
            "policyType": "TRANSFORMER_POLICY",
            "policyName": "web",
            "selectionCriteria": 'LogGroupNamePrefix IN ["/company/web"]',
        },
    ]
    found = examine(session)["log policies"]
    assert found.status is Status.WARNING
    assert found.text.startswith(
        "logging_watcher will report: account policy 'corp' copies events of the meter's log groups"
    )
    assert found.text.endswith(
        "add 'account:SUBSCRIPTION_FILTER_POLICY:corp' to known_log_policies)."
    )
    assert "web" not in found.text


def test_subscription_filters_of_an_adopted_log_group_are_named(session: boto3.Session) -> None:
    boto3.client("kinesis").create_stream(StreamName="elsewhere", ShardCount=1)
    switch_logging_on()
    subscribe("audit")
    deployment = Deployment(session.client("cloudformation"))
    word = "subscription:audit=arn:aws:kinesis:us-east-1:123456789012:stream/elsewhere"

    def status(*known: str) -> tuple[Status, bool]:
        deployment_checks = DeploymentChecks(
            session, deployment, (), "/audit/bedrock", known, open_brake=open_brake
        )
        (found,) = (
            finding for finding in deployment_checks.examine() if finding.check == "log policies"
        )
        return found.status, word in found.text

    assert status() == (Status.WARNING, True)
    assert status(word) == (Status.OK, False)


def test_the_masks_of_a_deployed_log_group_are_compared_with_the_settings(
    session: boto3.Session, data_protection: dict[str, str]
) -> None:
    masking = {"is_content_masked": True}
    assert examine(session, **masking)["masking"].text.startswith(
        f"Deploying masks {len(MASKED_IDENTIFIERS)} kinds"
    )
    group = f"{stack_names.STORAGE}-logs"
    boto3.client("logs").create_log_group(logGroupName=group)
    deploy(stack_names.STORAGE, LogGroupName=group)
    deploy(stack_names.INGESTION)
    missing = examine(session, **masking)["masking"]
    assert missing.status is Status.PROBLEM
    assert f"{group} does not mask BankAccountNumber-DE, " in missing.text
    arns = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in MASKED_IDENTIFIERS]
    statement = {"DataIdentifier": arns, "Operation": {"Deidentify": {"MaskConfig": {}}}}
    data_protection[group] = json.dumps({"Statement": [statement]})
    masked = examine(session, **masking)
    assert masked["masking"].status is Status.OK
    assert "Copies in S3 are not masked" in masked["masking"].text
    assert masked["log policies"].status is Status.OK
    off = examine(session)
    assert off["masking"].status is Status.OK
    assert f"masks text in log group {group}" in off["log policies"].text


def test_denied_log_policies_are_unknown(session: boto3.Session) -> None:
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
    session.events.register(
        "before-call.cloudwatch-logs.DescribeAccountPolicies",
        lambda **_: (type("Answer", (), {"status_code": 403}), denied),  # type: ignore[arg-type]
    )
    assert examine(session)["log policies"].status is Status.UNKNOWN


def test_a_trail_is_needed_to_notice_changes(session: boto3.Session) -> None:
    assert examine(session)["trail"].status is Status.WARNING
    boto3.client("s3").create_bucket(Bucket="trails")
    boto3.client("cloudtrail").create_trail(Name="main", S3BucketName="trails")
    assert examine(session)["trail"].status is Status.WARNING
    boto3.client("cloudtrail").start_logging(Name="main")
    assert examine(session)["trail"].status is Status.OK


def test_a_denied_check_is_unknown_and_stops_no_other(session: boto3.Session) -> None:
    session.events.register(
        "before-call.cloudtrail",
        lambda **_: (
            type("Answer", (), {"status_code": 403}),
            {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}},
        ),  # type: ignore[arg-type]  # it may answer
    )
    findings = examine(session)
    assert findings["trail"].status is Status.UNKNOWN
    assert "AccessDeniedException" in findings["trail"].text
    assert findings["bedrock-mantle"].status is Status.OK


@pytest.mark.usefixtures("aws")
def test_problems_fail_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        CommandError, match=r"fix these first: CDK bootstrap, permissions boundary\."
    ):
        in_account(partial(check_account, open_brake=open_brake))
    assert "Not checked: " in capsys.readouterr().out


@pytest.mark.usefixtures("aws")
def test_stacks_that_settings_of_the_command_switch_on_are_needed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(stack_names.GOVERNANCE)
    for settings, is_needed in (((), False), (("governance=true",), True)):
        with pytest.raises(CommandError, match="fix these first"):
            in_account(partial(check_account, open_brake=open_brake, settings=settings))
        assert ("is deployed, but" not in capsys.readouterr().out) is is_needed


def test_the_boundary_is_compared_with_settings_of_the_command(session: boto3.Session) -> None:
    settings = ("governance=true", "gateway=true")
    replace(boundary(), has_gateway=True).put()
    assert examine(session)["permissions boundary"].status is Status.WARNING
    found = examine(session, context=settings)["permissions boundary"]
    assert found.status is Status.OK


@pytest.mark.usefixtures("aws")
def test_expired_credentials_are_a_problem() -> None:
    bootstrap()
    session = boto3.Session()
    expired = {"Error": {"Code": "ExpiredToken", "Message": "The security token has expired"}}
    session.events.register(
        "before-call.sts",
        lambda **_: (type("Answer", (), {"status_code": 403}), expired),  # type: ignore[arg-type]
    )
    with pytest.raises(CommandError, match=r"fix these first: account\."):
        check_account(session, open_brake)


def test_remains_of_an_aborted_verification_are_a_warning(session: boto3.Session) -> None:
    assert examine(session)["verification"].status is Status.OK
    deploy("BedrockMeter-Verify-Storage")
    found = examine(session)["verification"]
    assert found.status is Status.WARNING
    assert "BedrockMeter-Verify-Storage: " in found.text
    assert "make verify-account REMOVE=1" in found.text
