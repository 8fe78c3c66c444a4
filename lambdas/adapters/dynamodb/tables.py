"""Tables of DynamoDB, by their settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from lambdas.adapters.refusals import ignore_absent, refusal_as_not_readable
from lambdas.domain.safeguards.ledger import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ON = ("ENABLING", "ENABLED")


class DynamoDbTables:
    """Reads tables of one account and Region."""

    def __init__(self, client: DynamoDBClient) -> None:
        """Read with a DynamoDB client."""
        self._client = client

    def read(self, names: Collection[str]) -> Mapping[str, Table]:
        """Those of the named tables that exist."""
        with refusal_as_not_readable():
            return {name: table for name in names if (table := self._find(name)) is not None}

    def _find(self, name: str) -> Table | None:
        with ignore_absent():
            table = self._client.describe_table(TableName=name)["Table"]
            expiry = self._client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            backups = self._client.describe_continuous_backups(TableName=name)
            stream = table.get("StreamSpecification")
            recovery = backups["ContinuousBackupsDescription"].get(
                "PointInTimeRecoveryDescription", {}
            )
            return Table(
                stream_view=stream.get("StreamViewType")
                if stream and stream["StreamEnabled"]
                else None,
                stream_arn=table.get("LatestStreamArn"),
                expiry_attribute=(
                    expiry.get("AttributeName") if expiry.get("TimeToLiveStatus") in _ON else None
                ),
                is_protected=table.get("DeletionProtectionEnabled", False),
                is_recoverable=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
                key=table.get("SSEDescription", {}).get("KMSMasterKeyArn"),
                resource_policy=self._policy(table["TableArn"]),
            )
        return None

    def _policy(self, arn: str) -> str | None:
        with ignore_absent():
            return self._client.get_resource_policy(ResourceArn=arn)["Policy"]
        return None
