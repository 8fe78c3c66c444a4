"""Stores alerts of budgets in the table `Governance`; `governance_table` has its keys."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.claims import CLAIMED_UNTIL, DueItems, write_claim_end
from lambdas.adapters.dynamodb.items import make_key
from lambdas.adapters.dynamodb.transactions import read_cancellation_codes
from lambdas.domain.budgets import BudgetPeriod
from lambdas.domain.budgets.budget_alerts import (
    AlertKey,
    AlertState,
    BudgetAlert,
    DeliveryWay,
    LastAlert,
    ThresholdKind,
)
from lambdas.domain.budgets.governance_table import (
    ALERTS_PREFIX,
    DUE_ALERTS,
    LAST_PREFIX,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.ledger.table import EXPIRES_AT
from lambdas.domain.times import write_sortable_seconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    Item = dict[str, AttributeValueTypeDef]

ALERT_RETENTION = timedelta(days=400)
"""The time after the end of a period for which its alerts are kept."""
NOTE_RETENTION = timedelta(days=2)
"""The time after the end of a period for which the last alert of a threshold is noted. Evaluations
read these notes, and the next period needs none."""
_CONTENT, _STATE, _SENT_AT, _ENDS_AT = "content", "state", "sent_at", "ends_at"
_LEVEL = "level"
_DELIVERED = "delivered"
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError)
_REFUSED = "ConditionalCheckFailed"


class DynamoDbAlertStore:
    """Stores each alert in an item, with a pointer while it is due.

    The last alert of a threshold has an item of its own, whose condition decides which of several
    writers stores an alert.
    """

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store alerts in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name
        self._due = DueItems(client, table_name)

    def add_due(self, alert: BudgetAlert, held_until: datetime | None = None) -> bool:
        """Store an alert as due, unless its threshold has one for a period that overlaps.

        A held one has a claim from the beginning.
        A conflict with another writer is raised as an error: the next evaluation tries again.
        """
        key = alert.key
        item = _make_item(alert)
        last = {
            **_make_alert_key(key, f"{LAST_PREFIX}{key.threshold_id}"),
            _ENDS_AT: {"S": write_sortable_seconds(key.period.end)},
            _LEVEL: {"N": str(key.level)},
            EXPIRES_AT: _write_expiry(key.period.end + NOTE_RETENTION),
        }
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": last,
                    "ConditionExpression": (
                        f"attribute_not_exists({PARTITION_KEY}) OR {_ENDS_AT} <= :start"
                        " OR #level < :level"
                    ),
                    "ExpressionAttributeNames": {"#level": _LEVEL},
                    "ExpressionAttributeValues": {
                        ":start": {"S": write_sortable_seconds(key.period.start)},
                        ":level": last[_LEVEL],
                    },
                }
            },
            {"Put": {"TableName": self._table_name, "Item": item}},
            {"Put": {"TableName": self._table_name, "Item": _make_pointer(alert, held_until)}},
        ]
        return self._write(actions)

    def add_details(self, alert: BudgetAlert, held_until: datetime) -> None:
        """Replace the detail of an alert and let runs claim it, unless it is no longer held."""
        content = {"S": _write_content(alert)}
        update = f"SET {_CONTENT} = :content"
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": _make_alert_key(alert.key, alert.key.sort_id),
                    "UpdateExpression": update,
                    "ConditionExpression": f"attribute_exists({PARTITION_KEY})",
                    "ExpressionAttributeValues": {":content": content},
                }
            },
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": _make_pointer_key(alert.key),
                    "UpdateExpression": f"{update} REMOVE {CLAIMED_UNTIL}",
                    "ConditionExpression": f"{CLAIMED_UNTIL} = :held",
                    "ExpressionAttributeValues": {
                        ":content": content,
                        ":held": write_claim_end(held_until),
                    },
                }
            },
        ]
        self._write(actions)

    def _write(self, actions: Sequence[TransactWriteItemTypeDef]) -> bool:
        """Write all or nothing; `False` if a condition does not hold."""
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if read_cancellation_codes(error) == {_REFUSED}:
                return False
            raise
        return True

    def read_alerted(self, budget: str, generation: int) -> Mapping[str, LastAlert]:
        """Read the last alert of each threshold that has alerted, by `threshold_id`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=(
                f"{PARTITION_KEY} = :partition AND begins_with({SORT_KEY}, :last)"
            ),
            ExpressionAttributeValues={
                ":partition": {"S": f"{ALERTS_PREFIX}{budget}#{generation}"},
                ":last": {"S": LAST_PREFIX},
            },
            ConsistentRead=True,
        )
        return {
            item[SORT_KEY]["S"].removeprefix(LAST_PREFIX): LastAlert(
                datetime.fromisoformat(item[_ENDS_AT]["S"]), int(item[_LEVEL]["N"])
            )
            for page in pages
            for item in page["Items"]
        }

    def list_due(self) -> Iterator[BudgetAlert]:
        """List the alerts that are due and can be read."""
        return (alert for item in self._query(DUE_ALERTS) if (alert := _try_to_read(item)))

    def list_unreadable(self) -> Iterator[str]:
        """List the ids of alerts that are due and cannot be read."""
        items = self._query(DUE_ALERTS)
        return (item[SORT_KEY]["S"] for item in items if _try_to_read(item) is None)

    def claim(self, key: AlertKey, now: datetime) -> bool:
        """Claim a due alert for sending, unless another run has claimed it lately."""
        return self._due.claim(_make_pointer_key(key), now)

    def postpone(self, key: AlertKey, until: datetime, delivered: Collection[DeliveryWay]) -> None:
        """Let no run claim an alert for a time, unless it was sent meanwhile."""
        ways: AttributeValueTypeDef = {"L": [{"S": way} for way in sorted(delivered)]}
        self._due.update(
            _make_pointer_key(key),
            f"SET {CLAIMED_UNTIL} = :until, {_DELIVERED} = :ways",
            {":until": write_claim_end(until), ":ways": ways},
        )

    def mark_sent(self, key: AlertKey, sent_at: datetime) -> None:
        """Mark an alert sent, and remove its pointer."""
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._table_name,
                    "Key": _make_alert_key(key, key.sort_id),
                    "UpdateExpression": f"SET #state = :sent, {_SENT_AT} = :now",
                    "ConditionExpression": f"attribute_exists({PARTITION_KEY})",
                    "ExpressionAttributeNames": {"#state": _STATE},
                    "ExpressionAttributeValues": {
                        ":sent": {"S": AlertState.SENT},
                        ":now": {"S": write_sortable_seconds(sent_at)},
                    },
                }
            },
            {
                "Delete": {
                    "TableName": self._table_name,
                    "Key": _make_pointer_key(key),
                }
            },
        ]
        self._client.transact_write_items(TransactItems=actions)

    def list_alerts(self, budget: str, generation: int) -> Iterator[BudgetAlert]:
        """List the alerts of a budget's generation."""
        items = self._query(f"{ALERTS_PREFIX}{budget}#{generation}")
        return (
            _read_item(item) for item in items if not item[SORT_KEY]["S"].startswith(LAST_PREFIX)
        )

    def _query(self, partition: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ConsistentRead=True,
        )
        return (item for page in pages for item in page["Items"])


def _make_alert_key(key: AlertKey, sort_key: str) -> Item:
    partition = f"{ALERTS_PREFIX}{key.budget}#{key.generation}"
    return {**make_key(partition), SORT_KEY: {"S": sort_key}}


def _make_item(alert: BudgetAlert) -> Item:
    return {
        **_make_alert_key(alert.key, alert.key.sort_id),
        _CONTENT: {"S": _write_content(alert)},
        _STATE: {"S": AlertState.DUE},
        EXPIRES_AT: _write_expiry(alert.key.period.end + ALERT_RETENTION),
    }


def _write_expiry(at: datetime) -> AttributeValueTypeDef:
    return {"N": str(round(at.timestamp()))}


def _make_pointer_key(key: AlertKey) -> Item:
    return {**make_key(DUE_ALERTS), SORT_KEY: {"S": key.id}}


def _make_pointer(alert: BudgetAlert, held_until: datetime | None) -> Item:
    """Make an item that stays until the alert is sent, and so never expires."""
    pointer: Item = {
        **_make_pointer_key(alert.key),
        _CONTENT: {"S": _write_content(alert)},
        _STATE: {"S": AlertState.DUE},
    }
    if held_until is not None:
        pointer[CLAIMED_UNTIL] = write_claim_end(held_until)
    return pointer


def _write_content(alert: BudgetAlert) -> str:
    key = alert.key
    content = {
        "budget": key.budget,
        "generation": key.generation,
        "value": key.value,
        "kind": key.kind.value,
        "percent": str(key.percent),
        "level": key.level,
        "period": [
            key.period.id,
            write_sortable_seconds(key.period.start),
            write_sortable_seconds(key.period.end),
        ],
        "detail": alert.detail,
    }
    return json.dumps(content, separators=(",", ":"))


def _try_to_read(item: Item) -> BudgetAlert | None:
    try:
        return _read_item(item)
    except _UNREADABLE:
        return None


def _read_item(item: Item) -> BudgetAlert:
    content = json.loads(item[_CONTENT]["S"])
    period_id, start, end = content["period"]
    key = AlertKey(
        content["budget"],
        content["generation"],
        content["value"],
        ThresholdKind(content["kind"]),
        Decimal(content["percent"]),
        BudgetPeriod(period_id, datetime.fromisoformat(start), datetime.fromisoformat(end)),
        content["level"],
    )
    ways = item.get(_DELIVERED, {"L": []})["L"]
    delivered = frozenset(DeliveryWay(way["S"]) for way in ways)
    return BudgetAlert(key, content["detail"], AlertState(item[_STATE]["S"]), delivered)
