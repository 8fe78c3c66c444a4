"""The permissions boundary allows what the roles need, and no role needs more."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_action_data

from cdk.config.boundary_name import boundary_name
from cdk.operations.bootstrap_policies import check, list_needed, put
from cdk.operations.boundary import BOUNDARY_FILE, Boundary
from cdk.operations.boundary_policy import derive_boundary
from cdk.operations.deny_policy import DenyPolicy
from cdk.operations.managed_policy import PolicyState
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError
from dashboards.command_line.entry_point import FailedCommand
from tests.command_line import call_command, run_command
from tests.infrastructure.synthesis import CONFIGURATIONS, as_list, deployment
from tests.policy_evaluation import is_allowed
from tests.policy_sizes import LONG_REGIONS, MAX_MANAGED_POLICY, count_letters

ACCOUNT, REGION = "123456789012", "us-east-1"
HERE = f"{REGION}:{ACCOUNT}"
ARN = f"arn:aws:iam::{ACCOUNT}:policy/{boundary_name(REGION)}"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
FORMATS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{HERE}:table/",
    "AWS::Events::Rule": f"arn:aws:events:{HERE}:rule/",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/",
    "AWS::KMS::Key": f"arn:aws:kms:{HERE}:key/",
    "AWS::Lambda::Function": f"arn:aws:lambda:{HERE}:function:",
    "AWS::S3::Bucket": "arn:aws:s3:::",
    "AWS::SNS::Topic": f"arn:aws:sns:{HERE}:",
    "AWS::SQS::Queue": f"arn:aws:sqs:{HERE}:",
}
DENY_NAME = f"BedrockMeter-Deny-{REGION}"
DENY = {"iam:PolicyARN": f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/{REGION}/{DENY_NAME}"}
OTHER_REGION = {
    "iam:PolicyARN": f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/eu-west-1/{DENY_NAME}"
}
SESSIONS = {
    "iam:PolicyARN": (
        f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter/{REGION}/BedrockMeter-{REGION}-sessions-a-1"
    )
}
BRAKES: tuple[dict[str, bool], ...] = (
    {},
    {"has_brake": True},
    {"has_brake": True, "has_brake_sessions": True},
    {"has_gateway": True},
    {"has_gateway": True, "has_traces": True},
    {"has_webhooks": True},
)
CALLER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-GatewayCaller-{REGION}"
CALLERS = {"aws:PrincipalArn": CALLER_ROLE}
TAGGED = {"iam:ResourceTag/bedrock-meter-brake": "allowed"}
SERVICE = f"{REGION}.amazonaws.com"
VIA = {"kms:ViaService": f"dynamodb.{SERVICE}"}


@pytest.fixture
def session(aws: None) -> boto3.Session:
    return boto3.Session()


def boundary(session: boto3.Session, **changes: Any) -> Boundary:
    return Boundary(session.client("iam"), session.client("sts"), REGION, **changes)


def versions(session: boto3.Session) -> list[Any]:
    return list(session.client("iam").list_policy_versions(PolicyArn=ARN)["Versions"])


class Names:
    """Gives what a template names the names that CloudFormation would."""

    def __init__(self, templates: Mapping[str, Any], stack: str) -> None:
        self.templates, self.stack = templates, stack

    def resolve(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        match value:
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(map(self.resolve, parts))
            case {"Fn::ImportValue": name}:
                return self._imported(*name.split(":"))
            case {"Fn::GetAtt": [logical_id, "Arn" | "StreamArn" as attribute]}:
                arn = self._arn(logical_id)
                return arn if attribute == "Arn" else f"{arn}/stream/2026-11-28T00:00:00.000"
            case {"Fn::GetAtt": [_, "Id"]}:
                return "3f2a"
            case {"Ref": name}:
                stack_id = f"arn:aws:cloudformation:{HERE}:stack/{self.stack}/1a2b"
                names = {**PSEUDO, "AWS::StackId": stack_id}
                return names.get(name) or self._ref(name)
        raise AssertionError(value)

    def _imported(self, stack: str, export: str) -> str:
        value = self.templates[stack]["Outputs"][export]["Value"]
        return Names(self.templates, stack).resolve(value)

    def _type(self, logical_id: str) -> str:
        type_: str = self.templates[self.stack]["Resources"][logical_id]["Type"]
        return type_

    def _ref(self, logical_id: str) -> str:
        match self._type(logical_id):
            case "AWS::SSM::Parameter":
                return f"CFN-{logical_id}-1A2B"
            case "AWS::SNS::Topic":
                return self._arn(logical_id)
            case "AWS::S3::Bucket":
                return f"{self.stack}-{logical_id}-1a2b".lower()
        return f"{self.stack}-{logical_id}-1A2B"

    def _arn(self, logical_id: str) -> str:
        type_ = self._type(logical_id)
        if type_ == "AWS::Logs::LogGroup":
            return f"arn:aws:logs:{HERE}:log-group:{self._ref(logical_id)}:*"
        name = f"{self.stack}-{logical_id}-1A2B"
        return FORMATS[type_] + (name.lower() if type_ == "AWS::S3::Bucket" else name)


def make_context(statement: Mapping[str, Any], names: Names) -> dict[str, str]:
    """The request that a statement's conditions allow."""
    condition = statement.get("Condition", {})
    equal = {
        key: names.resolve(as_list(value)[0])
        for operator in ("StringEquals", "ArnEquals", "ArnLike")
        for key, value in condition.get(operator, {}).items()
    }
    return {**VIA, **equal}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_role_has_the_boundary_and_no_managed_policy(configuration: str) -> None:
    checked = 0
    for stack, template in deployment(configuration).templates.items():
        for name, resource in template["Resources"].items():
            if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::User"):
                properties = resource["Properties"]
                arn = Names(deployment(configuration).templates, stack).resolve(
                    properties["PermissionsBoundary"]
                )
                assert arn == ARN, name
                assert "ManagedPolicyArns" not in properties, name
                checked += 1
    assert checked > 8


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_boundary_covers_every_permission_of_every_role(
    session: boto3.Session, configuration: str
) -> None:
    templates = deployment(configuration).templates
    adopted = CONFIGURATIONS[configuration].get("adopted_log_group")
    document = boundary(
        session,
        adopted_log_group=adopted,
        has_brake=CONFIGURATIONS[configuration].get("brake", False),
        has_brake_sessions=CONFIGURATIONS[configuration].get("brake_sessions", False),
        has_gateway=CONFIGURATIONS[configuration].get("gateway", False),
        has_traces="gateway_trace_share" in CONFIGURATIONS[configuration],
        has_webhooks=CONFIGURATIONS[configuration].get("webhooks", False),
    ).document
    checked = 0
    for stack, template in templates.items():
        names = Names(templates, stack)
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::IAM::Policy":
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                    if statement["Effect"] == "Deny":
                        continue
                    for action in as_list(statement["Action"]):
                        for arn in map(names.resolve, as_list(statement["Resource"])):
                            context = make_context(statement, names) | CALLERS
                            assert is_allowed(document, action, arn, context), (action, arn)
                            checked += 1
    assert checked > 60


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_policy_file_is_derived_from_the_templates(configuration: str) -> None:
    """Run make synth deployer-policy where this fails."""
    derived = derive_boundary(deployment(configuration).templates.values())
    assert derived == json.loads(BOUNDARY_FILE.read_text())


def test_an_action_is_joined_only_with_resources_of_other_services() -> None:
    """So that no action gets the resources of another one."""
    for statement in json.loads(BOUNDARY_FILE.read_text())["Statement"]:
        actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
        services = {action.split(":")[0] for action in actions}
        if resources == ["*"]:
            continue
        assert {arn.split(":")[2] for arn in resources} == services
        for service, name in (action.split(":") for action in actions if "*" not in action):
            formats = {
                row["resource_arn_format"] for row in get_action_data(service, name)[service]
            }
            assert {arn.split(":")[2] for arn in formats - {"*"}} == {service}, name


def test_joining_statements_allows_nothing_more() -> None:
    def make_policy(action: str, resource: str | list[str]) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = {"PolicyDocument": {"Statement": [statement]}}
        return {"Type": "AWS::IAM::Policy", "Properties": document}

    both = ["logs:PutLogEvents", "logs:GetTransformer", "sns:Publish"]
    resources = {action: make_policy(action, "*") for action in both}
    document = derive_boundary([{"Resources": resources}])
    other_group = f"arn:aws:logs:{HERE}:log-group:payroll"
    text = json.dumps(document)
    for name, value in PSEUDO.items():
        text = text.replace(f"${{{name}}}", value)
    assert is_allowed(json.loads(text), "logs:GetTransformer", other_group)
    assert not is_allowed(json.loads(text), "logs:PutLogEvents", other_group)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("region", LONG_REGIONS)
@pytest.mark.parametrize(
    ("has_brake_sessions", "has_gateway", "letters"),
    [(False, False, 512), (True, False, 512), (False, True, 512), (True, True, 350)],
)
def test_it_fits_a_managed_policy_in_every_partition(
    region: str, has_brake_sessions: bool, has_gateway: bool, letters: int
) -> None:
    session = boto3.Session(region_name=region)
    longest = Boundary(
        session.client("iam"),
        session.client("sts"),
        region,
        adopted_log_group="/" + "x" * (letters - 1),
        has_brake=True,
        has_brake_sessions=has_brake_sessions,
        has_gateway=has_gateway,
    )
    assert longest.arn.startswith(f"arn:{session.get_partition_for_region(region)}:iam::")
    assert count_letters(longest.document) <= MAX_MANAGED_POLICY


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("region", LONG_REGIONS)
def test_it_fits_with_traces_too(region: str) -> None:
    session = boto3.Session(region_name=region)
    longest = Boundary(
        session.client("iam"),
        session.client("sts"),
        region,
        adopted_log_group="/" + "x" * 159,
        has_brake=True,
        has_brake_sessions=True,
        has_gateway=True,
        has_traces=True,
    )
    assert count_letters(longest.document) <= MAX_MANAGED_POLICY


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("region", LONG_REGIONS)
def test_it_fits_with_webhooks_too(region: str) -> None:
    session = boto3.Session(region_name=region)
    longest = Boundary(
        session.client("iam"),
        session.client("sts"),
        region,
        adopted_log_group="/" + "x" * 99,
        has_brake=True,
        has_brake_sessions=True,
        has_gateway=True,
        has_traces=True,
        has_webhooks=True,
    )
    assert count_letters(longest.document) <= MAX_MANAGED_POLICY


def test_a_boundary_that_is_too_large_is_reported_before_it_is_made(
    session: boto3.Session,
) -> None:
    large = boundary(session, adopted_log_group="/" + "x" * 2_000)
    with pytest.raises(CommandError, match=r"letters, and IAM takes 6,144: shorten the names"):
        large.put()
    assert large.state() is PolicyState.MISSING


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-X", {}),
        (
            "iam:AttachRolePolicy",
            f"arn:aws:iam::{ACCOUNT}:role/Payroll",
            {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Payroll", DENY | OTHER_REGION),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Payroll", SESSIONS),
        ("iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/ana", SESSIONS | TAGGED),
        ("iam:CreatePolicy", DENY["iam:PolicyARN"], {}),
        ("iam:CreatePolicyVersion", DENY["iam:PolicyARN"], {}),
        ("iam:SetDefaultPolicyVersion", DENY["iam:PolicyARN"], {}),
        ("iam:DeletePolicy", DENY["iam:PolicyARN"], {}),
        ("iam:PutUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/ana", {}),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-X", {}),
        ("iam:CreatePolicyVersion", ARN, {}),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-X", {}),
        (
            "iam:PassRole",
            f"arn:aws:iam::{ACCOUNT}:role/Admin",
            {"iam:PassedToService": "lambda.amazonaws.com"},
        ),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/Admin", {}),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Storage-RedriveRole-1A", {}),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:BedrockMeter-X", {}),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:payroll", {}),
        ("dynamodb:Scan", f"arn:aws:dynamodb:{HERE}:table/payroll", {}),
        ("dynamodb:Scan", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/BedrockMeter-Storage-L", {}),
        ("s3:GetObject", "arn:aws:s3:::payroll/x", {}),
        ("s3:GetObject", "arn:aws:s3:::batch-results/job/records.jsonl.out", {}),
        ("s3:PutObject", "arn:aws:s3:::batch-results/job/manifest.json.out", {}),
        ("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:/audit/bedrock", {}),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Bedrock"}),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/1234", {}),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/1234", {"kms:ViaService": "ssm.us-east-1"}),
        ("kms:PutKeyPolicy", f"arn:aws:kms:{HERE}:key/1234", VIA),
        ("secretsmanager:GetSecretValue", "*", {}),
        ("bedrock:InvokeModel", "*", {}),
        (
            "bedrock:InvokeModel",
            "*",
            {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Gateway-GatewayRole"},
        ),
        ("bedrock:CreateModelInvocationJob", "*", CALLERS),
    ],
)
def test_the_boundary_limits_a_role_whatever_its_policy_allows(
    session: boto3.Session, action: str, resource: str, context: dict[str, str]
) -> None:
    for switches in BRAKES:
        document = boundary(session, **switches).document
        assert not is_allowed(document, action, resource, context)


def test_with_the_gateway_roles_take_that_of_callers_and_no_other(
    session: boto3.Session,
) -> None:
    for has_gateway in (False, True):
        document = boundary(session, has_gateway=has_gateway).document
        assert is_allowed(document, "sts:AssumeRole", CALLER_ROLE) is has_gateway
        assert is_allowed(document, "bedrock:InvokeModel", "*", CALLERS) is has_gateway
    needed = list_needed(session, read_settings(["governance=true", "gateway=true"]))
    assert [policy.document for policy in needed] == [document]


def test_only_with_traces_roles_may_send_them(session: boto3.Session) -> None:
    for has_traces in (False, True):
        document = boundary(session, has_gateway=True, has_traces=has_traces).document
        for action in ("xray:PutSpans", "xray:PutTraceSegments"):
            assert is_allowed(document, action, "*") is has_traces
        assert not is_allowed(document, "xray:PutResourcePolicy", "*")
    settings = read_settings(["governance=true", "gateway=true", "gateway_trace_share=0.1"])
    assert [policy.document for policy in list_needed(session, settings)] == [document]


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("sqs:SendMessage", f"arn:aws:sqs:{HERE}:BedrockMeter-Webhooks-Deliveries", {}),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/1234", {"kms:EncryptionContext:webhook": "a"}),
        ("kms:Decrypt", f"arn:aws:kms:{HERE}:key/1234", {"kms:ViaService": f"sqs.{SERVICE}"}),
    ],
)
def test_only_with_webhooks_roles_use_queues_and_decrypt_for_receivers(
    session: boto3.Session, action: str, resource: str, context: dict[str, str]
) -> None:
    for has_webhooks in (False, True):
        document = boundary(session, has_webhooks=has_webhooks).document
        assert is_allowed(document, action, resource, context) is has_webhooks
        payroll = f"arn:aws:sqs:{HERE}:payroll"
        assert not is_allowed(document, "sqs:SendMessage", payroll)
    needed = list_needed(session, read_settings(["webhooks=true"]))
    assert [policy.document for policy in needed] == [boundary(session, has_webhooks=True).document]


def test_without_the_brake_no_role_may_attach_a_policy(session: boto3.Session) -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/ana"
    for has_brake in (False, True):
        document = boundary(session, has_brake=has_brake).document
        assert is_allowed(document, "iam:AttachUserPolicy", user, DENY) is has_brake
    needed = list_needed(session, read_settings(["governance=true", "brake=true"]))
    assert [type(policy) for policy in needed] == [Boundary, DenyPolicy]
    assert needed[0].document == boundary(session, has_brake=True).document


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Payroll", SESSIONS | TAGGED),
        ("iam:CreatePolicy", SESSIONS["iam:PolicyARN"], {}),
        ("iam:CreatePolicyVersion", SESSIONS["iam:PolicyARN"], {}),
    ],
)
def test_without_sessions_no_role_may_write_a_policy(
    session: boto3.Session, action: str, resource: str, context: dict[str, str]
) -> None:
    without = boundary(session, has_brake=True).document
    with_sessions = boundary(session, has_brake=True, has_brake_sessions=True).document
    assert not is_allowed(without, action, resource, context)
    assert is_allowed(with_sessions, action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:DetachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Payroll", SESSIONS),
        ("iam:DetachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/ana", SESSIONS),
        ("iam:DeletePolicy", SESSIONS["iam:PolicyARN"], {}),
        ("iam:DeletePolicyVersion", SESSIONS["iam:PolicyARN"], {}),
        ("iam:GetPolicyVersion", SESSIONS["iam:PolicyARN"], {}),
        ("iam:ListPolicyVersions", SESSIONS["iam:PolicyARN"], {}),
    ],
)
def test_policies_of_sessions_can_be_removed_as_long_as_the_brake_is_on(
    session: boto3.Session, action: str, resource: str, context: dict[str, str]
) -> None:
    """Sessions stay denied until they are released, also once the setting is switched off."""
    for brake in BRAKES:
        is_on = brake.get("has_brake", False)
        assert is_allowed(boundary(session, **brake).document, action, resource, context) is is_on


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("iam:PutRolePolicy", "no role of a deployment may change roles"),
        ("sts:AssumeRole", "no role of a deployment may change roles"),
        ("sqs:PurgeQueue", r"say in boundary_policy\.py on what"),
    ],
)
def test_a_role_beyond_the_boundary_is_an_error(action: str, text: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyDocument": {"Statement": [statement]}},
    }
    with pytest.raises(CommandError, match=text):
        derive_boundary([{"Resources": {"Policy": policy}}])


def test_make_bootstrap_creates_it_and_can_be_repeated(
    session: boto3.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        put(session, read_settings(), [f"aws://{ACCOUNT}/{REGION}"])
    assert capsys.readouterr().out.splitlines() == [
        "Permissions boundary BedrockMeter-Boundary-us-east-1: made.",
        "Permissions boundary BedrockMeter-Boundary-us-east-1: up to date.",
    ]
    assert len(versions(session)) == 1
    live = session.client("iam").get_policy_version(PolicyArn=ARN, VersionId="v1")
    assert live["PolicyVersion"]["Document"] == boundary(session).document
    assert "${" not in json.dumps(live["PolicyVersion"]["Document"])


def test_make_bootstrap_updates_an_older_boundary_any_number_of_times(
    session: boto3.Session,
) -> None:
    boundary(session).put()
    for number in range(7):
        changed = boundary(session, adopted_log_group=f"/audit/{number}")
        assert changed.state() is PolicyState.OTHER
        assert changed.put() is PolicyState.OTHER
        assert changed.state() is PolicyState.CURRENT
    assert len(versions(session)) == 5


def test_make_deploy_explains_how_to_fix_a_missing_or_different_boundary(
    session: boto3.Session,
) -> None:
    with pytest.raises(CommandError, match=r"BedrockMeter-Boundary-us-east-1 is missing: run make"):
        check(session, read_settings())
    boundary(session).put()
    check(session, read_settings())
    adopting = ["existing_logging=adopt", "adopted_log_group=/audit/bedrock"]
    command = (
        "run make bootstrap AWS_REGION=us-east-1"
        " SET='-c existing_logging=adopt -c adopted_log_group=/audit/bedrock'."
    )
    with pytest.raises(CommandError, match=f"of other settings: {re.escape(command)}"):
        check(session, read_settings(adopting), context=adopting)
    put(session, read_settings(adopting))
    check(session, read_settings(adopting))


def test_each_configured_region_has_a_boundary(session: boto3.Session) -> None:
    found = list_needed(session, read_settings(['regions=["us-east-1", "eu-west-1"]']))
    assert [policy.name for policy in found] == [
        boundary_name("us-east-1"),
        boundary_name("eu-west-1"),
    ]
    (named,) = list_needed(
        session, read_settings(), ["--require-approval", "never", "aws://unknown/eu-north-1"]
    )
    assert named.name == boundary_name("eu-north-1")


def test_an_invalid_setting_is_reported() -> None:
    with pytest.raises(CommandError, match="configuration") as caught:
        read_settings(["metric_detail=much"])
    assert "metric_detail" in caught.value.details[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("{", "cdk.json: not JSON"), ('{"context": 7}', "cdk.json: allowed: "), ("{}", None)],
)
def test_an_unreadable_cdk_json_is_reported(
    content: str, complaint: str | None, session: boto3.Session, tmp_path: Path
) -> None:
    path = tmp_path / "cdk.json"
    path.write_text(content)
    if complaint is None:
        (found,) = list_needed(session, read_settings(path=path))
        assert found.name == boundary_name("us-east-1")
        return
    with pytest.raises(CommandError, match=complaint):
        read_settings(path=path)


@pytest.mark.parametrize("name", ["bootstrap", "deploy", "destroy"])
def test_an_incomplete_set_is_reported(name: str) -> None:
    with pytest.raises(FailedCommand, match=f"^{name}: Option '-c' requires an argument"):
        call_command("prepare", name, "-c")


def test_a_deployer_without_permission_to_read_policies_continues(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def deny(_: Boundary) -> PolicyState:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetPolicy")

    monkeypatch.setattr(Boundary, "state", deny)
    check(session, read_settings())
    assert "not readable with these credentials" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bootstrap", "deploy", "destroy"])
def test_the_profile_comes_from_the_cdk_s_command_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "replaced")
    assert run_command("prepare", name, "--all", "--yes", "--profile", "nowhere") == 2
    assert capsys.readouterr().err.startswith(f"{name}: The config profile (nowhere) could not")
