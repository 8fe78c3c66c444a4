"""The audit trail: one writer, no changes, locked anchors, nothing until governance is on."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from cdk.config import Config, ConfigurationError, stack_names
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    BRAKE,
    BUDGETS,
    CREDIT_ENTRIES,
    CREDITS,
    DELETED_BUDGETS,
    PEOPLE,
    RELEASES,
)
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    find_function,
    grants,
    named,
    only,
    resources,
    started_by,
    statements,
    synthesize,
)
from tests.policy_evaluation import denies_everyone

ON = "everything"
ACCOUNT = "111122223333"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/BedrockMeter-Storage-Audit"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
WRITER = f"{ROLES}/BedrockMeter-Governance-AuditWriterRoleBA5E22BE-1A2B3C4D5E6F"
OTHERS = (
    f"{ROLES}/BedrockMeter-Governance-BudgetBuilderRole-1A2B3C4D5E6F",
    f"{ROLES}/Admin",
    f"{ROLES}/AuditWriter",
    f"arn:aws:iam::{ACCOUNT}:user/ana",
    f"arn:aws:iam::{ACCOUNT}:root",
)
CHANGES = (
    *("dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
    *("dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert"),
)
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


def read_policy(configuration: str = "default") -> dict[str, Any]:
    """The resource policy of the table, with the account's names."""
    table = named(deployment(configuration).storage, "AWS::DynamoDB::Table", "Audit")
    return read_names(table["ResourcePolicy"]["PolicyDocument"])


def read_anchor_policy(configuration: str = "default") -> dict[str, Any]:
    """The policy of the bucket of anchors, likewise."""
    policy = named(deployment(configuration).storage, "AWS::S3::BucketPolicy", "AuditAnchorsPolicy")
    return read_names(policy["PolicyDocument"])


def read_names(document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(document)
    text = re.sub(r'\{"Fn::GetAtt": \["AuditAnchors\w+", "Arn"\]\}', '"arn:aws:s3:::anchors"', text)
    joined = re.sub(
        r'\{"Fn::Join": \["", \[(.*?)\]\]\}',
        lambda found: '"' + "".join(json.loads(f"[{_name(found[1])}]")) + '"',
        text,
    )
    found: dict[str, Any] = json.loads(joined)
    return found


def _name(parts: str) -> str:
    named_partition = parts.replace('{"Ref": "AWS::Partition"}', '"aws"')
    return named_partition.replace('{"Ref": "AWS::AccountId"}', f'"{ACCOUNT}"')


@each_configuration
def test_the_writer_alone_may_put_entries(configuration: str) -> None:
    policy = read_policy(configuration)
    assert not denies_everyone(policy, "dynamodb:PutItem", TABLE, {"aws:PrincipalArn": WRITER})
    for principal in OTHERS:
        assert denies_everyone(policy, "dynamodb:PutItem", TABLE, {"aws:PrincipalArn": principal})
    assert denies_everyone(policy, "dynamodb:PutItem", TABLE)  # a service, which has no such key


@each_configuration
@pytest.mark.parametrize("action", CHANGES)
def test_no_one_may_change_or_delete_entries(configuration: str, action: str) -> None:
    policy = read_policy(configuration)
    for principal in (WRITER, *OTHERS):
        assert denies_everyone(policy, action, TABLE, {"aws:PrincipalArn": principal})


def test_everyone_whom_iam_allows_may_read_the_chain() -> None:
    for action in ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"):
        assert not denies_everyone(read_policy(), action, TABLE, {"aws:PrincipalArn": OTHERS[0]})


def test_the_policy_can_be_removed_with_the_table() -> None:
    for action in ("dynamodb:DeleteResourcePolicy", "dynamodb:DeleteTable"):
        assert not denies_everyone(read_policy(), action, TABLE, {"aws:PrincipalArn": OTHERS[1]})


ANCHOR = "arn:aws:s3:::anchors/anchors/2026-11-29T20Z/000000000001-0.json"
SECURE = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2"}


@each_configuration
def test_the_writer_alone_may_put_anchors(configuration: str) -> None:
    policy = read_anchor_policy(configuration)
    for principal in (WRITER, *OTHERS):
        context = {**SECURE, "aws:PrincipalArn": principal}
        is_denied = denies_everyone(policy, "s3:PutObject", ANCHOR, context)
        assert is_denied is (principal != WRITER)
    assert denies_everyone(policy, "s3:PutObject", ANCHOR, SECURE)


@each_configuration
@pytest.mark.parametrize(
    "action",
    [
        *("s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:PutObjectLegalHold"),
        *("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ],
)
def test_no_one_may_delete_anchors_or_change_their_lock(configuration: str, action: str) -> None:
    policy = read_anchor_policy(configuration)
    for principal in (WRITER, *OTHERS):
        context = {**SECURE, "aws:PrincipalArn": principal}
        assert denies_everyone(policy, action, ANCHOR, context)


def test_everyone_whom_iam_allows_may_read_anchors_and_change_their_bucket() -> None:
    context = {**SECURE, "aws:PrincipalArn": OTHERS[1]}
    for action in ("s3:GetObject", "s3:GetObjectRetention"):
        assert not denies_everyone(read_anchor_policy(), action, ANCHOR, context)
    for action in ("s3:ListBucketVersions", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy"):
        bucket = "arn:aws:s3:::anchors"
        assert not denies_everyone(read_anchor_policy(), action, bucket, context)


def list_statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """List the statements of all roles of the meter that name the chain or its anchors."""
    for template in deployment(ON).templates.values():
        for name, policy in resources(template, "AWS::IAM::Policy").items():
            for statement in policy["PolicyDocument"]["Statement"]:
                text = json.dumps(statement)
                if statement["Resource"] == "*" or re.search("Audit3D8A|AuditAnchors", text):
                    yield name, statement


def test_no_other_role_of_the_meter_writes_the_chain_or_its_anchors() -> None:
    for name, statement in list_statements():
        actions = {
            action
            for action in as_list(statement["Action"])
            if re.search("Put|Update|Delete|Write|Bypass|PartiQL", action)
            and action.startswith(("dynamodb:", "s3:"))
        }
        expected = {"dynamodb:PutItem", "s3:PutObject"} if name.startswith("AuditWriter") else set()
        assert actions <= expected, name
    assert [name for name, _ in list_statements() if name.startswith("AuditWriter")]


def test_the_writer_has_only_the_rights_that_it_needs() -> None:
    found = grants(deployment(ON).governance, "AuditWriterRole")
    assert {*found} == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"),
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        *("dynamodb:ListStreams", "s3:PutObject", "s3:ListBucketVersions", "s3:GetObjectVersion"),
        *("s3:ListBucket", "kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*"),
        *("kms:GenerateDataKey*", "kms:GenerateDataKey"),
    }
    keys = {
        key
        for statement in statements(deployment(ON).governance, "AuditWriterRole")
        if "Governance2107" in json.dumps(statement["Resource"]) and "Condition" in statement
        for key in as_list(
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        )
    }
    assert keys == {DELETED_BUDGETS, PEOPLE}


def test_the_chain_is_kept_for_good() -> None:
    for configuration in CONFIGURATIONS:
        table = named(deployment(configuration).storage, "AWS::DynamoDB::Table", "Audit")
        assert "TimeToLiveSpecification" not in table
        assert table["DeletionProtectionEnabled"] is True
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["BillingMode"] == "PAY_PER_REQUEST"  # nothing while it is empty


def read_lock(**settings: Any) -> dict[str, Any]:
    bucket = named(synthesize(settings).storage, "AWS::S3::Bucket", "AuditAnchors")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert not [rule for rule in rules if re.search("Expiration", json.dumps(rule))]
    rule = bucket.get("ObjectLockConfiguration", {}).get("Rule", {})
    retention: dict[str, Any] = rule.get("DefaultRetention", {})
    return retention


def test_anchors_are_locked_as_the_setting_says() -> None:
    assert read_lock() == {"Mode": "GOVERNANCE", "Days": 400}
    assert read_lock(audit_lock="compliance", audit_lock_days="2555") == {
        "Mode": "COMPLIANCE",
        "Days": 2555,
    }
    assert read_lock(audit_lock="none") == {}


@pytest.mark.parametrize(
    "settings", [{"audit_lock": "always"}, {"audit_lock_days": 0}, {"audit_lock_days": 36_501}]
)
def test_other_locks_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="audit_lock"):
        Config.from_context(settings)


def test_only_what_is_recorded_starts_the_writer() -> None:
    mapping = named(deployment(ON).governance, "AWS::Lambda::EventSourceMapping", "AuditWriter")
    patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"dynamodb": {"Keys": {"pk": {"S": [BUDGETS, BRAKE, CREDITS]}}}},
        {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [RELEASES]}}}},
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [AUDIT_EVENTS]}}}},
        {
            "eventName": ["INSERT"],
            "dynamodb": {
                "Keys": {"pk": {"S": [CREDIT_ENTRIES]}},
                "NewImage": {"kind": {"S": [{"anything-but": ["usage"]}, {"exists": False}]}},
            },
        },
        {
            "eventName": ["MODIFY", "REMOVE"],
            "dynamodb": {"Keys": {"pk": {"S": [CREDIT_ENTRIES]}}},
        },
    ]
    assert len(patterns) <= 5  # Lambda's quota


def test_a_batch_that_fails_is_tried_again_and_never_lost() -> None:
    mapping = named(deployment(ON).governance, "AWS::Lambda::EventSourceMapping", "AuditWriter")
    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 12 * 3600 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert "Failures" in json.dumps(mapping["DestinationConfig"])


def test_a_stream_has_two_consumers_at_most() -> None:
    """DynamoDB throttles more: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
    sources = [
        json.dumps(mapping["EventSourceArn"])
        for template in deployment(ON).templates.values()
        for mapping in resources(template, "AWS::Lambda::EventSourceMapping").values()
    ]
    ledger = [source for source in sources if "UsageLedger" in source]
    governance = [source for source in sources if "Governance2107" in source]
    assert (len(ledger), len(governance)) == (2, 1)


def test_prices_are_audited_and_the_chain_is_anchored_each_hour() -> None:
    (rule,) = started_by("AuditWriter", ON, stack=stack_names.GOVERNANCE)
    assert rule["ScheduleExpression"] == "cron(20 * * * ? *)"


def test_the_writer_knows_the_settings_whose_changes_it_records() -> None:
    variables = find_function(deployment(ON).governance, "audit_writer")["Environment"]["Variables"]
    assert json.loads(variables["CONTRACTED_PRICES"])[0]["model"] == "anthropic.*"
    controller = find_function(deployment(ON).governance, "brake_controller")
    assert variables["BRAKE"] == "true"
    for name in ("BRAKE_SESSIONS", "BRAKE_OVERFLOW", "BRAKE_EXEMPT"):
        assert variables[name] == controller["Environment"]["Variables"][name]


def test_alarms_notify_of_damage_and_of_delays() -> None:
    alarms = {
        alarm["AlarmName"].removeprefix("BedrockMeter-Health-"): alarm
        for alarm in resources(deployment(ON).monitoring, "AWS::CloudWatch::Alarm").values()
    }
    assert alarms["AuditProblems"]["TreatMissingData"] == "breaching"
    (dimension,) = alarms["AuditAge"]["Dimensions"]
    assert dimension["Value"] == "BedrockMeter-Governance-AuditWriter"
    for name in ("AuditWriterErrors", "AuditWriterNotStarted"):
        assert name in alarms


def test_callers_are_released_while_the_writer_still_records_it() -> None:
    found = deployment(ON).governance
    (release,) = resources(found, "Custom::BedrockBrake")
    (mapping,) = (
        name
        for name in resources(found, "AWS::Lambda::EventSourceMapping")
        if name.startswith("AuditWriter")
    )
    assert mapping in found["Resources"][release]["DependsOn"]


def test_there_is_no_writer_until_governance_is_on() -> None:
    text = json.dumps([deployment().ingestion, deployment().monitoring, deployment().reporting])
    assert not re.search("Audit(Writer|Age|Problems)", text)


def test_the_table_s_stream_reaches_no_function_until_governance_is_on() -> None:
    mapping = only(deployment().ingestion, "AWS::Lambda::EventSourceMapping")
    assert "UsageLedger" in json.dumps(mapping["EventSourceArn"])


def test_the_pattern_of_the_writer_s_role_covers_names_that_cloudformation_cuts() -> None:
    pattern = f"{ROLES}/BedrockMeter*AuditWriter*"
    cut = f"{ROLES}/BedrockMeter-ABCDEFGHIJKL-AuditWriterRoleBA5E22BE-1A2B3C4D5E6F"
    assert pattern in json.dumps(read_policy())
    for name in (WRITER, cut):
        assert fnmatchcase(name, pattern)
