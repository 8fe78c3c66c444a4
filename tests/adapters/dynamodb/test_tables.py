"""A table is read with its retention, backup and stream settings."""

import json

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.adapters.dynamodb.tables import DynamoDbTables
from lambdas.domain.safeguards.ledger import Table
from lambdas.domain.safeguards.ports import NotReadableError

NAME = "tampered"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "dynamodb:PutItem",
            "Resource": f"arn:aws:dynamodb:us-east-1:123456789012:table/{NAME}",
        }
    ],
}


def test_changed_table_settings_are_read(aws: None) -> None:
    client = boto3.client("dynamodb")
    arn = client.create_table(
        TableName=NAME,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        DeletionProtectionEnabled=True,
    )["TableDescription"]["TableArn"]
    client.update_continuous_backups(
        TableName=NAME, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_time_to_live(
        TableName=NAME,
        TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
    )
    tables = DynamoDbTables(client)
    stream = client.describe_table(TableName=NAME)["Table"]["LatestStreamArn"]
    assert tables.read([NAME, "missing"]) == {
        NAME: Table(
            "NEW_AND_OLD_IMAGES", stream, "expires_at", is_protected=True, is_recoverable=True
        )
    }
    client.update_time_to_live(
        TableName=NAME, TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": False}
    )
    client.update_continuous_backups(
        TableName=NAME, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    client.update_table(
        TableName=NAME,
        StreamSpecification={"StreamEnabled": False},
        DeletionProtectionEnabled=False,
    )
    client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(POLICY))
    table = tables.read([NAME])[NAME]
    assert (table.stream_view, table.expiry_attribute) == (None, None)
    assert not table.is_protected
    assert not table.is_recoverable
    assert json.loads(table.resource_policy or "") == POLICY


@pytest.mark.parametrize(
    "action", ["describe_table", "describe_time_to_live", "describe_continuous_backups"]
)
def test_denied_access_is_reported_as_unreadable(action: str) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    with Stubber(client) as stub:
        for earlier, answer in (
            ("describe_table", {"Table": {"TableArn": "arn"}}),
            ("describe_time_to_live", {"TimeToLiveDescription": {}}),
        ):
            if earlier == action:
                break
            stub.add_response(earlier, answer)
        stub.add_client_error(action, "AccessDeniedException")
        with pytest.raises(NotReadableError, match="AccessDenied"):
            DynamoDbTables(client).read([NAME])
