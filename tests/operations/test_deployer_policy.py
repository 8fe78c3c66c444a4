"""The deployer's policy allows what the templates need, only on the deployment's resources."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from cdk.config.boundary_name import boundary_name
from cdk.operations import deployer_policy
from cdk.operations.deployer_policies import Subject
from cdk.operations.deployer_policy import derive
from cdk.operations.deployer_resources import GRANTS, LISTS, RESOURCES
from cdk.operations.terminal import CommandError
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    named,
    resources,
)
from tests.policy_evaluation import is_allowed
from tests.policy_sizes import MAX_MANAGED_POLICY, count_letters

POLICIES: dict[Subject, dict[str, Any]] = {
    subject: json.loads(subject.file.read_text()) for subject in Subject
}
KEPT = {"Statement": [entry for policy in POLICIES.values() for entry in policy["Statement"]]}
ACTIONS = {action for statement in KEPT["Statement"] for action in as_list(statement["Action"])}
ROOM = 5_500
"""The letters of a managed policy, less room for what the next version needs."""
OUR_OWN = [name for name in CONFIGURATIONS if "adopted_log_group" not in CONFIGURATIONS[name]]

ACCOUNT = "111122223333"
HERE = f"eu-west-1:{ACCOUNT}"
OUR_ROLE = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Ingestion-LogProcessorRole-1A2B"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Payroll"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/{boundary_name('eu-west-1')}"
WITHIN_BOUNDARY = {"iam:PermissionsBoundary": BOUNDARY}
OTHER_BOUNDARY = {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
OUR_FUNCTION = f"arn:aws:lambda:{HERE}:function:BedrockMeter-Ingestion-LogProcessor-1A2B"
OTHER_FUNCTION = f"arn:aws:lambda:{HERE}:function:payroll"
MAPPING = f"arn:aws:lambda:{HERE}:event-source-mapping:3f2a"
KEY = f"arn:aws:kms:{HERE}:key/1234abcd"
AUDIT = f"arn:aws:dynamodb:{HERE}:table/BedrockMeter-Storage-Audit3D8ADE0A-1A"
DENY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/eu-west-1/BedrockMeter-Deny-eu-west-1"
GROUP = f"arn:aws:logs:{HERE}:log-group"


@pytest.mark.parametrize("configuration", OUR_OWN)
def test_the_policy_files_are_derived_from_the_templates(configuration: str) -> None:
    """Run make synth deployer-policy where this fails."""
    assert derive(deployment(configuration).templates.values()) == POLICIES


def test_an_adopted_log_group_needs_only_subscription_permissions() -> None:
    derived = derive(deployment("adopting").templates.values())
    *others, adopted = derived[Subject.DATA]["Statement"]
    assert others == POLICIES[Subject.DATA]["Statement"]
    assert derived[Subject.FUNCTIONS] == POLICIES[Subject.FUNCTIONS]
    assert adopted == {
        "Sid": "AdoptedLogGroup1",
        "Effect": "Allow",
        "Action": [
            "logs:DeleteSubscriptionFilter",
            "logs:DescribeSubscriptionFilters",
            "logs:PutSubscriptionFilter",
        ],
        "Resource": "arn:*:logs:*:*:log-group:/audit/bedrock:*",
    }


@pytest.mark.parametrize("subject", Subject)
def test_each_policy_has_room_to_grow(subject: Subject) -> None:
    """They name no Region, so their size is the same in each."""
    templates = deployment("adopting").templates
    assert "region" not in json.dumps(POLICIES[subject]).lower()
    longest = json.dumps([*templates.values()]).replace("/audit/bedrock", "/" + "x" * 511)
    assert count_letters(derive(json.loads(longest))[subject]) < ROOM < MAX_MANAGED_POLICY


def test_each_action_is_in_one_policy() -> None:
    of_data, of_functions = (
        {action for statement in policy["Statement"] for action in as_list(statement["Action"])}
        for policy in POLICIES.values()
    )
    assert of_data.isdisjoint(of_functions)
    assert of_data | of_functions == ACTIONS


def test_it_allows_creating_everything_deployed() -> None:
    assert {
        *("lambda:CreateFunction", "lambda:PublishLayerVersion", "lambda:CreateEventSourceMapping"),
        *("iam:CreateRole", "iam:PutRolePolicy", "dynamodb:CreateTable", "logs:CreateLogGroup"),
        *("logs:PutSubscriptionFilter", "s3:CreateBucket", "s3:PutBucketPolicy", "sns:CreateTopic"),
        *("kms:CreateKey", "events:PutRule", "cloudwatch:PutMetricAlarm"),
        *("cloudwatch:PutDashboard", "ssm:PutParameter", "sns:Subscribe"),
    } <= ACTIONS


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:CreateRole", OUR_ROLE, WITHIN_BOUNDARY),
        ("iam:PutRolePolicy", OUR_ROLE, WITHIN_BOUNDARY),
        ("iam:PutRolePermissionsBoundary", OUR_ROLE, WITHIN_BOUNDARY),
        ("iam:PassRole", OUR_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("lambda:UpdateFunctionCode", OUR_FUNCTION, {}),
        ("lambda:CreateEventSourceMapping", "*", {"lambda:FunctionArn": OUR_FUNCTION}),
        ("lambda:UpdateEventSourceMapping", MAPPING, {"lambda:FunctionArn": OUR_FUNCTION}),
        ("lambda:GetLayerVersion", f"arn:aws:lambda:{HERE}:layer:BedrockMeter-A-B:7", {}),
        ("logs:PutSubscriptionFilter", f"{GROUP}:BedrockMeter-Storage-InvocationLogs-1A:*", {}),
        ("dynamodb:UpdateTable", f"arn:aws:dynamodb:{HERE}:table/BedrockMeter-Storage-L-1A", {}),
        ("dynamodb:PutResourcePolicy", AUDIT, {}),
        ("s3:PutBucketObjectLockConfiguration", "arn:aws:s3:::bedrockmeter-storage-audit-1a", {}),
        ("s3:PutBucketPolicy", "arn:aws:s3:::bedrockmeter-storage-reports-1a2b", {}),
        ("s3:GetObject", "arn:aws:s3:::cdk-hnb659fds-assets-111122223333-eu-west-1/code", {}),
        ("sns:SetTopicAttributes", f"arn:aws:sns:{HERE}:BedrockMeter-Monitoring-N-1A", {}),
        ("events:PutTargets", f"arn:aws:events:{HERE}:rule/BedrockMeter-Monitoring-R-1A", {}),
        ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{HERE}:alarm:BedrockMeter-A", {}),
        ("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/cdk-bootstrap/hnb659fds/version", {}),
        ("kms:CreateKey", "*", {}),
    ],
)
def test_a_deployment_is_allowed(action: str, resource: str, context: dict[str, str]) -> None:
    assert is_allowed(KEPT, action, resource, context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:AttachRolePolicy", OUR_ROLE, WITHIN_BOUNDARY),
        ("iam:CreateRole", OUR_ROLE, {}),
        ("iam:CreateRole", OUR_ROLE, OTHER_BOUNDARY),
        ("iam:CreateRole", OTHER_ROLE, WITHIN_BOUNDARY),
        ("iam:PutRolePolicy", OUR_ROLE, {}),
        ("iam:PutRolePolicy", OTHER_ROLE, WITHIN_BOUNDARY),
        ("iam:UpdateAssumeRolePolicy", OUR_ROLE, {}),
        ("iam:DeleteRolePermissionsBoundary", OUR_ROLE, WITHIN_BOUNDARY),
        ("iam:PutRolePermissionsBoundary", OUR_ROLE, OTHER_BOUNDARY),
        ("iam:CreatePolicyVersion", BOUNDARY, {}),
        ("iam:CreatePolicy", DENY, {}),
        ("iam:CreatePolicyVersion", DENY, {}),
        ("iam:SetDefaultPolicyVersion", DENY, {}),
        ("iam:DeletePolicy", DENY, {}),
        ("iam:CreatePolicy", DENY.replace("BedrockMeter-Deny", "Allow"), {}),
        ("iam:AttachUserPolicy", f"arn:aws:iam::{ACCOUNT}:user/ana", {"iam:PolicyARN": DENY}),
        ("iam:SetDefaultPolicyVersion", BOUNDARY, {}),
        ("iam:DeletePolicy", BOUNDARY, {}),
        ("iam:PassRole", OTHER_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
        ("iam:PassRole", OUR_ROLE, {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("lambda:UpdateFunctionCode", OTHER_FUNCTION, {}),
        ("lambda:AddPermission", OTHER_FUNCTION, {}),
        ("lambda:InvokeFunction", OTHER_FUNCTION, {}),
        ("lambda:CreateEventSourceMapping", "*", {"lambda:FunctionArn": OTHER_FUNCTION}),
        ("lambda:UpdateEventSourceMapping", MAPPING, {"lambda:FunctionArn": OTHER_FUNCTION}),
        ("logs:PutSubscriptionFilter", f"{GROUP}:/aws/lambda/payroll:*", {}),
        ("logs:DeleteLogGroup", f"{GROUP}:/aws/lambda/payroll:*", {}),
        ("logs:PutResourcePolicy", "*", {}),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{HERE}:table/payroll", {}),
        ("dynamodb:PutResourcePolicy", f"arn:aws:dynamodb:{HERE}:table/BedrockMeter-L", {}),
        ("dynamodb:PutItem", AUDIT, {}),
        ("dynamodb:DeleteItem", AUDIT, {}),
        ("s3:BypassGovernanceRetention", "arn:aws:s3:::bedrockmeter-storage-audit-1a/x", {}),
        ("s3:GetObject", "arn:aws:s3:::bedrockmeter-storage-failures-1a2b/aws/lambda/x", {}),
        ("s3:PutBucketPolicy", "arn:aws:s3:::payroll", {}),
        ("sns:SetTopicAttributes", f"arn:aws:sns:{HERE}:payroll", {}),
        ("sns:Publish", f"arn:aws:sns:{HERE}:BedrockMeter-Monitoring-N-1A", {}),
        ("events:PutTargets", f"arn:aws:events:{HERE}:rule/payroll", {}),
        ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:payroll", {}),
        ("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/payroll/password", {}),
        ("kms:Decrypt", KEY, {}),
        ("kms:PutKeyPolicy", KEY, {}),
        ("kms:ScheduleKeyDeletion", KEY, {}),
        ("kms:TagResource", KEY, {}),
    ],
)
def test_actions_outside_a_deployment_are_denied(
    action: str, resource: str, context: dict[str, str]
) -> None:
    assert not is_allowed(KEPT, action, resource, context)


def test_every_action_not_limited_by_name_has_a_reason() -> None:
    reasons = {grant.sid: grant.reason for grant in (*GRANTS, LISTS)}
    named = {tuple(arns) for arns in RESOURCES.values()}
    unnamed = [
        statement
        for statement in KEPT["Statement"]
        if tuple(as_list(statement["Resource"])) not in named or "Condition" in statement
    ]
    assert {statement["Sid"] for statement in unnamed} == set(reasons)
    assert all(len(reason) > len("Because.") for reason in reasons.values())


def test_actions_allowed_on_all_resources_take_no_resource_or_only_read() -> None:
    for statement in KEPT["Statement"]:
        if "*" in as_list(statement["Resource"]) and "Condition" not in statement:
            for action in statement["Action"]:
                service, name = action.split(":")
                rows = get_action_data(service, name)[service]
                takes_none = {row["resource_arn_format"] for row in rows} == {"*"}
                assert takes_none or name.startswith("Describe"), action


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_resource_name_starts_with_the_deployment_s_name(configuration: str) -> None:
    """CloudFormation's own names begin with the stack's; a layer's would not."""
    names = {
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::CloudWatch::InsightRule": "RuleName",
        "AWS::Lambda::LayerVersion": "LayerName",
    }
    for template in deployment(configuration).templates.values():
        for type_, attribute in names.items():
            for properties in resources(template, type_).values():
                name = properties[attribute]
                text = name if isinstance(name, str) else name["Fn::Join"][1][0]
                assert text.startswith("BedrockMeter-"), type_


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_policies_of_keys_let_deployments_manage_them(configuration: str) -> None:
    keys = resources(deployment(configuration).storage, "AWS::KMS::Key").values()
    assert len(keys) == 1 + CONFIGURATIONS[configuration].get("webhooks", False)
    for key in keys:
        assert "Tags" not in key
        (managing,) = (
            statement
            for statement in key["KeyPolicy"]["Statement"]
            if statement.get("Sid") == "DeploymentsManage"
        )
        assert "kms:PutKeyPolicy" in managing["Action"]
        assert is_of_deployments(managing["Condition"])


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_deployments_encrypt_tables_with_the_key_of_storage(configuration: str) -> None:
    key = named(deployment(configuration).storage, "AWS::KMS::Key", "Key")
    by_sid = {statement.get("Sid"): statement for statement in key["KeyPolicy"]["Statement"]}
    encrypting = by_sid["DeploymentsEncryptTheTable"]
    assert is_of_deployments(encrypting["Condition"])
    assert "kms:Decrypt" in encrypting["Action"]
    service = encrypting["Condition"]["StringEquals"]["kms:ViaService"]
    assert service["Fn::Join"][1][0] == "dynamodb."


def is_of_deployments(condition: Mapping[str, Any]) -> bool:
    """Say if a condition holds for the execution role of the CDK's bootstrap alone."""
    role = condition["ArnLike"]["aws:PrincipalArn"]["Fn::Join"][1][-1]
    account = condition["StringEquals"]["kms:CallerAccount"]
    return (account, role) == ({"Ref": "AWS::AccountId"}, ":role/cdk-*-cfn-exec-role-*")


def test_no_data_is_read_or_written() -> None:
    assert ACTIONS.isdisjoint(
        {"dynamodb:GetItem", "dynamodb:Scan", "logs:GetLogEvents", "logs:PutLogEvents", "s3:*"}
    )
    assert not [action for action in ACTIONS if "*" in action]


def test_an_unneeded_grant_is_an_error() -> None:
    topic = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    with pytest.raises(CommandError, match="MakeKey: no template needs it"):
        derive([topic])


def test_an_unlimited_action_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployer_policy, "GRANTS", ())
    with pytest.raises(CommandError, match=r"kms:CreateKey: say in deployer_resources\.py on what"):
        derive(deployment().templates.values())


def test_missing_templates_are_reported_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(deployer_policy, "_TEMPLATES", tmp_path)
    with pytest.raises(CommandError, match="run make synth first"):
        deployer_policy.write_policies()


def test_no_statement_of_a_deployer_reaches_a_managed_policy() -> None:
    """A function attaches to others what make bootstrap alone writes."""
    assert not [
        action for action in ACTIONS if "Policy" in action and action.startswith("iam:Crea")
    ]
    arns = {arn for statement in KEPT["Statement"] for arn in as_list(statement["Resource"])}
    assert not [arn for arn in arns if ":policy/" in arn]
