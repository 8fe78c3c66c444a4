"""Stores the alerts of credits in the table `Governance`, an item for each scope."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_json,
)
from lambdas.adapters.dynamodb.claims import CLAIMED_UNTIL, write_claim_end
from lambdas.adapters.dynamodb.credit_items import VERSION
from lambdas.domain.budgets import digest_value
from lambdas.domain.budgets.budget_alerts import CLAIM, DeliveryWay
from lambdas.domain.budgets.governance_table import (
    CONTENT,
    CREDIT_ALERTS,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.credits import CreditAlert, CreditLevel, read_usd, write_usd
from lambdas.domain.credits.alerts import StoredCreditAlert
from lambdas.domain.times import read_time, write_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item

_DELIVERED, _IS_SENT = "delivered", "is_sent"
_IS_SAME = "#version = :version"


class DynamoDbCreditAlerts:
    """Stores alerts. The version of an item decides which of several writers wins."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store alerts in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def list_alerts(self) -> Sequence[StoredCreditAlert]:
        """List those that can be read, with a consistent read."""
        items = query_partition(self._client, self._table_name, CREDIT_ALERTS)
        return [stored for item in items if (stored := _try_to_read(item)) is not None]

    def remove_unreadable(self) -> Sequence[str]:
        """Remove those that cannot be read, so that they are made again; returns their keys."""
        items = query_partition(self._client, self._table_name, CREDIT_ALERTS)
        keys = [item[SORT_KEY]["S"] for item in items if _try_to_read(item) is None]
        for key in keys:
            self._client.delete_item(
                TableName=self._table_name, Key=make_item_key(CREDIT_ALERTS, key)
            )
        return keys

    def write(self, stored: StoredCreditAlert) -> bool:
        """Write an alert over the version that it was read with; `False` if it has changed."""
        alert = stored.alert
        content = {
            "key": alert.key,
            "level": alert.level.name,
            "since": write_time(alert.since),
            "balance_usd": write_usd(alert.picodollars),
            "detail": stored.detail,
        }
        item: Item = {
            **_make_key(stored),
            CONTENT: write_json(content),
            VERSION: {"N": str(stored.version + 1)},
            _IS_SENT: {"BOOL": alert.is_sent},
        }
        try:
            if stored.version:
                self._client.put_item(
                    TableName=self._table_name,
                    Item=item,
                    ConditionExpression=_IS_SAME,
                    ExpressionAttributeNames={"#version": VERSION},
                    ExpressionAttributeValues={":version": {"N": str(stored.version)}},
                )
            else:
                self._client.put_item(
                    TableName=self._table_name,
                    Item=item,
                    ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
                )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def remove(self, stored: StoredCreditAlert) -> bool:
        """Remove an alert in the version that it was read with; `False` if it has changed."""
        try:
            self._client.delete_item(
                TableName=self._table_name,
                Key=_make_key(stored),
                ConditionExpression=_IS_SAME,
                ExpressionAttributeNames={"#version": VERSION},
                ExpressionAttributeValues={":version": {"N": str(stored.version)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def claim(self, stored: StoredCreditAlert, now: datetime) -> bool:
        """Claim a due alert for sending, unless another run has claimed it lately."""
        return self._update(
            stored,
            f"SET {CLAIMED_UNTIL} = :until",
            {":until": write_claim_end(now + CLAIM), ":now": write_claim_end(now)},
            only_if=f"(attribute_not_exists({CLAIMED_UNTIL}) OR {CLAIMED_UNTIL} <= :now)",
        )

    def postpone(
        self, stored: StoredCreditAlert, until: datetime, delivered: Collection[DeliveryWay]
    ) -> None:
        """Let no run claim an alert for a time, and note who has taken it."""
        ways: AttributeValueTypeDef = {"L": [{"S": way} for way in sorted(delivered)]}
        self._update(
            stored,
            f"SET {CLAIMED_UNTIL} = :until, {_DELIVERED} = :ways",
            {":until": write_claim_end(until), ":ways": ways},
        )

    def mark_sent(self, stored: StoredCreditAlert) -> None:
        """Mark an alert sent, unless a worse one has replaced it."""
        self._update(
            stored,
            f"SET {_IS_SENT} = :sent, #version = :next REMOVE {CLAIMED_UNTIL}, {_DELIVERED}",
            {":sent": {"BOOL": True}, ":next": {"N": str(stored.version + 1)}},
        )

    def _update(
        self,
        stored: StoredCreditAlert,
        update: str,
        values: Mapping[str, AttributeValueTypeDef],
        only_if: str = "",
    ) -> bool:
        """Update an alert; `False` if it has changed, or another condition does not hold."""
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_make_key(stored),
                UpdateExpression=update,
                ConditionExpression=f"{_IS_SAME} AND {only_if}" if only_if else _IS_SAME,
                ExpressionAttributeNames={"#version": VERSION},
                ExpressionAttributeValues={":version": {"N": str(stored.version)}, **values},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _make_key(stored: StoredCreditAlert) -> Item:
    return make_item_key(CREDIT_ALERTS, digest_value(stored.alert.key))


def _try_to_read(item: Item) -> StoredCreditAlert | None:
    try:
        content = json.loads(item[CONTENT]["S"])
        alert = CreditAlert(
            str(content["key"]),
            CreditLevel[content["level"]],
            read_time(content["since"]),
            read_usd(content["balance_usd"]),
            item[_IS_SENT]["BOOL"],
        )
        ways = item.get(_DELIVERED, {"L": []})["L"]
        stored = StoredCreditAlert(
            alert=alert,
            detail=dict(content["detail"]),
            version=int(item[VERSION]["N"]),
            delivered=frozenset(DeliveryWay(way["S"]) for way in ways),
        )
    except UNREADABLE:
        return None
    return stored if item[SORT_KEY]["S"] == digest_value(alert.key) else None
