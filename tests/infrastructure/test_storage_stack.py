"""The stack of retained resources: encrypted, and reused by the next deployment."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from lambdas.domain.ledger.state_table import UNPRICED_INDEX, UNPRICED_KEY
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    deployment,
    grants,
    named,
    only,
    resources,
    synthesize,
)

# A changed id would make CloudFormation replace the resource and abandon its data.
PINNED = {
    "Audit3D8ADE0A": "AWS::DynamoDB::Table",
    "AuditAnchors1A79D4A3": "AWS::S3::Bucket",
    "AuditAnchorsPolicyF8ADCCC0": "AWS::S3::BucketPolicy",
    "Failures8A3E1A2F": "AWS::S3::Bucket",
    "FailuresPolicyE53C5E05": "AWS::S3::BucketPolicy",
    "Governance210730C3": "AWS::DynamoDB::Table",
    "InvocationLogsCD36EA0A": "AWS::Logs::LogGroup",
    "Key961B73FD": "AWS::KMS::Key",
    "LimitsA6AFC87B": "AWS::DynamoDB::Table",
    "LoggingState8042E413": "AWS::SSM::Parameter",
    "MeterState4ED0B9E5": "AWS::DynamoDB::Table",
    "PricesEF2AB66A": "AWS::S3::Bucket",
    "PricesPolicy77737ED5": "AWS::S3::BucketPolicy",
    "Quarantine23FF09FE": "AWS::S3::Bucket",
    "QuarantinePolicyD801E1EA": "AWS::S3::BucketPolicy",
    "Reports65402A0A": "AWS::S3::Bucket",
    "ReportsPolicyA13B441D": "AWS::S3::BucketPolicy",
    "UsageCountersDEAAF23F": "AWS::DynamoDB::Table",
    "UsageLedgerF0DE0EEB": "AWS::DynamoDB::Table",
}
LEDGER, STATE = TABLES = ("UsageLedgerF0DE0EEB", "MeterState4ED0B9E5")
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


@each_configuration
def test_logical_ids_of_retained_resources_never_change(configuration: str) -> None:
    template = deployment(configuration).storage
    kept = {
        name: resource["Type"]
        for name, resource in template["Resources"].items()
        if not resource["Type"].startswith("AWS::IAM::")
    }
    of_webhooks = {name for name in kept if name.startswith("WebhookKey")}
    assert len(of_webhooks) == CONFIGURATIONS[configuration].get("webhooks", False)
    assert {name: kept[name] for name in kept if name not in of_webhooks} == PINNED


def test_resources_with_data_are_retained_when_the_stack_is_deleted() -> None:
    for name, resource in deployment().storage["Resources"].items():
        if resource["Type"] not in ("AWS::S3::BucketPolicy", "AWS::IAM::Role", "AWS::IAM::Policy"):
            assert (name, resource["DeletionPolicy"]) == (name, "Retain")
            assert (name, resource["UpdateReplacePolicy"]) == (name, "Retain")


def test_the_stack_cannot_be_deleted_by_mistake() -> None:
    manifest = json.loads((deployment().folder / "manifest.json").read_text())
    artifacts = manifest["artifacts"]
    assert artifacts[stack_names.STORAGE]["properties"]["terminationProtection"] is True
    for other in (stack_names.INGESTION, stack_names.REPORTING, stack_names.MONITORING):
        assert artifacts[other]["properties"]["terminationProtection"] is False


def test_no_other_stack_has_state() -> None:
    stateful = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SSM::Parameter"}
    on = deployment("everything")
    for template in (on.ingestion, on.reporting, on.governance, on.gateway, on.monitoring):
        assert not {resource["Type"] for resource in template["Resources"].values()} & stateful


def test_storage_depends_on_no_other_stack() -> None:
    manifest = json.loads((deployment().folder / "manifest.json").read_text())["artifacts"]

    def needs(name: str) -> set[str]:
        return {
            dependency
            for dependency in manifest[name]["dependencies"]
            if not dependency.endswith(".assets")
        }

    assert needs(stack_names.STORAGE) == set()
    assert needs(stack_names.INGESTION) == {stack_names.STORAGE}
    assert needs(stack_names.REPORTING) == {stack_names.STORAGE}
    assert needs(stack_names.MONITORING) == {*stack_names.ALL[:-1]} - {
        *(stack_names.GOVERNANCE, stack_names.GATEWAY, stack_names.WEBHOOKS)
    }


def test_no_stack_imports_from_reporting() -> None:
    """CloudFormation refuses to remove an export that another stack imports."""
    assert not [
        output
        for output in deployment().reporting.get("Outputs", {}).values()
        if "Export" in output
    ]


@pytest.mark.parametrize(
    "name", ["LogGroupName", "TableName", "BucketName", "AliasName", "RoleName", "FunctionName"]
)
@each_configuration
def test_no_resource_has_a_fixed_name(configuration: str, name: str) -> None:
    naming = {
        "AWS::Logs::SubscriptionFilter",
        "AWS::Lambda::Permission",
    }  # name what they belong to
    naming |= {"AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping"}
    for stack, template in deployment(configuration).templates.items():
        for logical_id, resource in template["Resources"].items():
            is_custom = resource["Type"].startswith("Custom::")
            properties = resource.get("Properties", {})
            if resource["Type"] not in naming and not is_custom and name in properties:
                if caller_role_name("") in json.dumps(properties[name]):
                    continue  # it is part of the identity of every caller of the gateway
                # A Region has one stack of that name.
                assert name == "FunctionName", logical_id
                assert properties[name].startswith(f"{stack}-"), logical_id


OPTIONAL_FUNCTIONS = ("focus_export", "comparison_report", "price_updates", "weekly_summary")
ON = {"weekly_summary": True, "governance": True}


@pytest.mark.parametrize(
    "switched_off",
    [*itertools.combinations((*OPTIONAL_FUNCTIONS, "governance"), 1), OPTIONAL_FUNCTIONS],
)
def test_switching_functions_off_removes_no_export_in_use(
    switched_off: tuple[str, ...],
) -> None:
    """CloudFormation refuses that: stacks are updated from storage to monitoring."""
    before = synthesize(ON).templates
    after = synthesize(ON | dict.fromkeys(switched_off, False)).templates
    imported = {name for template in before.values() for name in find_imports(template)}
    exported = {name for template in after.values() for name in find_exports(template)}
    assert imported
    assert imported <= exported


def find_imports(part: Any) -> Iterator[str]:
    """The names of exports that a part of a template imports."""
    if isinstance(part, dict) and "Fn::ImportValue" in part:
        yield part["Fn::ImportValue"]
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from find_imports(each)


def find_exports(template: dict[str, Any]) -> Iterator[str]:
    for output in template.get("Outputs", {}).values():
        if "Export" in output:
            yield output["Export"]["Name"]


@each_configuration
def test_configuration_changes_never_overwrite_the_logging_state(configuration: str) -> None:
    """CloudFormation overwrites a parameter whose template changes: its state would be lost."""
    assert only(deployment(configuration).storage, "AWS::SSM::Parameter") == {
        "Description": "Bedrock Meter: Bedrock's logging configuration, ours and the one before",
        "Type": "String",
        "Value": "nothing yet",
    }


def test_no_stack_has_stack_tags() -> None:
    manifest = json.loads((deployment("everything").folder / "manifest.json").read_text())
    for name in stack_names.ALL:
        assert "tags" not in manifest["artifacts"][name]["properties"]


def test_every_taggable_resource_except_the_logging_state_is_tagged() -> None:
    for table in resources(deployment("everything").storage, "AWS::DynamoDB::Table").values():
        assert {"Key": "team", "Value": "platform"} in table["Tags"]


def test_the_ledger_and_budgets_have_a_stream_which_has_both_images() -> None:
    tables = resources(deployment().storage, "AWS::DynamoDB::Table")
    views = {
        name: table["StreamSpecification"]["StreamViewType"]
        for name, table in tables.items()
        if "StreamSpecification" in table
    }
    assert views == dict.fromkeys((LEDGER, "Governance210730C3"), "NEW_AND_OLD_IMAGES")


def test_only_the_state_table_has_an_index_which_has_keys_alone() -> None:
    tables = resources(deployment().storage, "AWS::DynamoDB::Table")
    assert "GlobalSecondaryIndexes" not in tables[LEDGER]
    (index,) = tables[STATE]["GlobalSecondaryIndexes"]
    assert index["IndexName"] == UNPRICED_INDEX
    assert index["KeySchema"] == [{"AttributeName": UNPRICED_KEY, "KeyType": "HASH"}]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


@pytest.mark.parametrize("name", TABLES)
def test_tables_expire_items_and_can_be_restored(name: str) -> None:
    table = resources(deployment().storage, "AWS::DynamoDB::Table")[name]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


def test_logs_can_be_subscribed_to_and_are_retained_as_configured() -> None:
    for configuration, days in (("default", 90), ("everything", 30)):
        group = only(deployment(configuration).storage, "AWS::Logs::LogGroup")
        assert group["LogGroupClass"] == "STANDARD"
        assert group["RetentionInDays"] == days


def test_failed_events_are_retained_for_thirty_days() -> None:
    buckets = resources(deployment("everything").storage, "AWS::S3::Bucket")

    def days(name: str) -> Any:
        return buckets[name]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"]

    assert days("Failures8A3E1A2F") == 30
    assert days("Quarantine23FF09FE") == 400
    assert days("Reports65402A0A") == 400


@each_configuration
def test_reports_that_are_overwritten_or_deleted_can_be_restored(configuration: str) -> None:
    reports = resources(deployment(configuration).storage, "AWS::S3::Bucket")["Reports65402A0A"]
    assert reports["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = reports["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 400}


@each_configuration
def test_buckets_are_private_encrypted_and_require_tls(configuration: str) -> None:
    template = deployment(configuration).storage
    algorithm = "aws:kms" if CONFIGURATIONS[configuration].get("customer_keys") else "AES256"
    for name, bucket in resources(template, "AWS::S3::Bucket").items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        expected = "aws:kms" if name == "Failures8A3E1A2F" else algorithm
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == expected
    for policy in resources(template, "AWS::S3::BucketPolicy").values():
        conditions = [
            statement.get("Condition") for statement in policy["PolicyDocument"]["Statement"]
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions


@each_configuration
def test_only_the_redrive_role_can_read_failures(configuration: str) -> None:
    """Deliveries are stored whole: with log_content or an adopted group, prompts too."""
    template = deployment(configuration).storage
    bucket = resources(template, "AWS::S3::Bucket")["Failures8A3E1A2F"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = {"Fn::GetAtt": ["Key961B73FD", "Arn"]}
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    role = next(name for name in resources(template, "AWS::IAM::Role") if "Redrive" in name)
    policy = resources(template, "AWS::S3::BucketPolicy")["FailuresPolicyE53C5E05"]
    (deny,) = (
        statement
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "OnlyRedriveReads"
    )
    assert (deny["Effect"], deny["Principal"]) == ("Deny", {"AWS": "*"})
    assert deny["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    arn = {"Fn::GetAtt": [role, "Arn"]}
    assert deny["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": arn}}
    granted = grants(template, "RedriveRole")
    assert granted.keys() == {
        *("s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
        *("kms:Decrypt", "kms:GenerateDataKey"),
    }
    assert granted["kms:Decrypt"][0]["Resource"] == key


@each_configuration
def test_failed_events_are_encrypted_with_the_customer_key(configuration: str) -> None:
    template = deployment(configuration).ingestion
    for role in ("LogProcessorRole", "MetricPublisherRole"):
        granted = grants(template, role)
        key = "BedrockMeter-Storage:ExportsOutputFnGetAttKey961B73FDArn5A860C43"
        assert any(
            statement["Resource"] == {"Fn::ImportValue": key}
            for statement in granted["kms:GenerateDataKey"]
        )


def test_customer_keys_encrypt_all_stored_data() -> None:
    storage = deployment("everything").storage
    key = {"Fn::GetAtt": ["Key961B73FD", "Arn"]}
    assert only(storage, "AWS::Logs::LogGroup")["KmsKeyId"] == key
    for table in resources(storage, "AWS::DynamoDB::Table").values():
        assert table["SSESpecification"]["KMSMasterKeyId"] == key
    for group in resources(deployment("everything").ingestion, "AWS::Logs::LogGroup").values():
        assert "KmsKeyId" in group


def test_log_groups_may_use_the_customer_key() -> None:
    policy = named(deployment("everything").storage, "AWS::KMS::Key", "Key")["KeyPolicy"]
    (statement,) = (
        candidate for candidate in policy["Statement"] if candidate.get("Sid") == "LogGroups"
    )
    assert {"kms:Encrypt*", "kms:Encrypt"} & set(statement["Action"])
    assert "kms:EncryptionContext:aws:logs:arn" in statement["Condition"]["ArnLike"]
