"""The audit trail in the local cloud, with roles evaluated: from a command to a locked anchor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.local_cloud.cloud import open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.audit import (
    AuditAction,
    AuditAnchor,
    AuditedChange,
    ChainHead,
    read_entry,
    verify_chain,
)
from lambdas.domain.budgets import BudgetChanges
from tests.builders import ANA
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.test_authorization import user_with
from tests.local_cloud.waiting import wait_for
from tests.unit.budgets.builders import budget

TERMS = [{"model": "anthropic.*", "effective_from": "2026-01-01", "discount_percent": 5}]


@pytest.fixture(scope="module")
def audited() -> Iterator[Deployed]:
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        deploy(cloud, synthesize(cloud, {"governance": True, "contracted_prices": TERMS}))
        yield Deployed(cloud)


def open_chain(audited: Deployed) -> DynamoDbAuditStore:
    return DynamoDbAuditStore(audited.cloud.client("dynamodb"), audited.bucket("AuditTableName"))


def read_changes(audited: Deployed) -> list[AuditedChange]:
    entries = [*open_chain(audited).read_entries()]
    assert verify_chain(entries).is_intact
    return [read_entry(entry.text).change for entry in entries]


def test_changes_of_budgets_and_prices_are_chained_and_anchored(audited: Deployed) -> None:
    dynamodb, table = audited.cloud.client("dynamodb"), audited.bucket("GovernanceTableName")
    ana = DynamoDbPersonDirectory(dynamodb, table).get_or_create_id(ANA)
    store = DynamoDbBudgetStore(dynamodb, table, changed_by=ana)
    store.write(BudgetChanges((budget("chat"),)), store.read().revision)
    store.write(BudgetChanges(deleted=("chat",)), store.read().revision)
    wait_for(lambda: len(read_changes(audited)) == 2)
    assert [(change.action, change.changed_by) for change in read_changes(audited)] == [
        (AuditAction.CREATE_BUDGET, ana),
        (AuditAction.DELETE_BUDGET, ana),
    ]
    for _ in range(2):
        audited.start("AuditWriter", {}, stack=stack_names.GOVERNANCE)
    assert read_changes(audited)[-1].action is AuditAction.CHANGE_CONTRACTED_PRICES
    anchors = S3AuditAnchors(audited.cloud.client("s3"), audited.bucket("AnchorBucketName"))
    (anchor,) = anchors.read_all().anchors
    assert anchor.head == open_chain(audited).read_head()
    assert audited.health("AuditProblems") == 0


def test_no_one_else_writes_the_chain_and_no_one_deletes_an_anchor(audited: Deployed) -> None:
    key = user_with(audited, "administrator", "dynamodb:*", "s3:*")
    own: Any = {
        service: audited.cloud.client(service, key["AccessKeyId"], key["SecretAccessKey"])
        for service in ("dynamodb", "s3")
    }
    table, bucket = audited.bucket("AuditTableName"), audited.bucket("AnchorBucketName")
    place = {"pk": {"S": "chain"}, "sk": {"S": "000000000001"}}
    before = own["dynamodb"].get_item(TableName=table, Key=place)["Item"]
    update = {
        "UpdateExpression": "SET entry = :entry",
        "ExpressionAttributeValues": {":entry": {"S": "{}"}},
    }
    writes: dict[str, Any] = {
        "put_item": {"TableName": table, "Item": place},
        "delete_item": {"TableName": table, "Key": place},
        "update_item": {"TableName": table, "Key": place, **update},
        "transact_write_items": {"TransactItems": [{"Put": {"TableName": table, "Item": place}}]},
    }
    for operation, request in writes.items():
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(own["dynamodb"], operation)(**request)
    assert own["dynamodb"].get_item(TableName=table, Key=place)["Item"] == before
    (version, *_) = own["s3"].list_object_versions(Bucket=bucket)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        own["s3"].delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_no_one_else_writes_an_anchor(audited: Deployed) -> None:
    key = user_with(audited, "writer", "s3:*")
    s3 = audited.cloud.client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    bucket = audited.bucket("AnchorBucketName")
    forged = AuditAnchor.at(datetime.now(UTC), ChainHead(10**6, "a" * 64)).name
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=forged, Body=b"", ChecksumAlgorithm="SHA256")
    (version, *_) = s3.list_object_versions(Bucket=bucket)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key=version["Key"])


def test_a_rewritten_chain_is_found_by_the_next_run(audited: Deployed) -> None:
    dynamodb, table = audited.cloud.client("dynamodb"), audited.bucket("AuditTableName")
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.delete_resource_policy(ResourceArn=arn)  # as an administrator could
    last = open_chain(audited).read_head().sequence
    key = {"pk": {"S": "chain"}, "sk": {"S": f"{last:012}"}}
    dynamodb.delete_item(TableName=table, Key=key)
    audited.start("AuditWriter", {}, stack=stack_names.GOVERNANCE)
    wait_for(lambda: audited.health("AuditProblems") > 0)
