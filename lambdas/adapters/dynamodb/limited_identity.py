"""Replaces the name of a caller in API keys and in limits of the gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.item_names import ItemNames
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.domain.api_keys import ApiKey, KeyState
from lambdas.domain.budgets import read_principal
from lambdas.domain.governance_keys import API_KEYS, PARTITION_KEY, SORT_KEY
from lambdas.domain.limit_policies import name_caller
from lambdas.domain.limits import choose_partition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item

KEYS, LIMITS = "API keys", "limits of the gateway"
_ROLE = ":role/"


class DynamoDbLimitedIdentity:
    """The items of the gateway that name an identity.

    Limits that a call changes meanwhile stay, for the next run, so that no usage is lost.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        governance: str,
        limits: str,
        identity_arn: str,
        session_name: str | None,
    ) -> None:
        """Find an identity in two tables.

        Args:
            client: A DynamoDB client.
            governance: The table with API keys.
            limits: The table of limits.
            identity_arn: The identity.
            session_name: The name of its sessions, if it is a caller of the gateway.
        """
        self._client = client
        self._governance = governance
        self._limits = limits
        self._identity = identity_arn
        self._session_name = session_name
        principal = read_principal(identity_arn)
        own = identity_arn if _ROLE in principal else principal  # that of a session is a role
        self._arns = tuple(dict.fromkeys((identity_arn, own)))
        self._names = ItemNames(*self._arns)
        self._caller = None if session_name is None else name_caller(session_name)

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""
        return {KEYS: len(self._list_keys()), LIMITS: len(self._scan_limits())}

    def list_valid_keys(self, now: datetime) -> Sequence[str]:
        """List the prefixes of the identity's keys that the gateway accepts."""
        return [key.prefix for key in self._list_keys() if key.get_state(now) is KeyState.VALID]

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""
        owner = pseudonym.rpartition("/")[2]
        yield KEYS, sum(self._rename_key(key, owner) for key in self._list_keys())
        yield LIMITS, sum(self._move(item, pseudonym) for item in self._scan_limits())

    def _list_keys(self) -> list[ApiKey]:
        if self._session_name is None:
            return []
        keys = DynamoDbApiKeys(self._client, self._governance).list_keys()
        return [key for key in keys if key.session_name == self._session_name]

    def _rename_key(self, key: ApiKey, owner: str) -> bool:
        """Give a key another owner, without a tenant, whose name would be part of the session's."""
        try:
            self._client.update_item(
                TableName=self._governance,
                Key=make_item_key(API_KEYS, key.digest),
                UpdateExpression="SET #owner = :new REMOVE tenant",
                ConditionExpression="#owner = :old",
                ExpressionAttributeNames={"#owner": "owner"},  # a reserved word of DynamoDB
                ExpressionAttributeValues={":new": {"S": owner}, ":old": {"S": key.owner}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _scan_limits(self) -> list[Item]:
        """Scan the states of subjects that name the identity. The ids of marks name no caller."""
        texts = [*self._arns, *([] if self._caller is None else [self._caller])]
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._limits,
            FilterExpression=" OR ".join(
                f"contains({SORT_KEY}, :text{number})" for number in range(len(texts))
            ),
            ExpressionAttributeValues={
                f":text{number}": {"S": text} for number, text in enumerate(texts)
            },
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        return [item for item in items if self._is_named(item[SORT_KEY]["S"])]

    def _is_named(self, subject: str) -> bool:
        is_caller = self._caller is not None and _find_part(self._caller).search(subject)
        return bool(is_caller) or self._names.are_in_text(subject)

    def _move(self, item: Item, pseudonym: str) -> bool:
        """Move an item to the subject of the pseudonym, unless it changes meanwhile."""
        subject = self._rename(item[SORT_KEY]["S"], pseudonym)
        key = make_item_key(choose_partition(subject), subject)
        put: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._limits,
                "Item": {**item, **key},
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        }
        return write_unless_changed(self._client, [self._delete(item), put])

    def _delete(self, item: Item) -> TransactWriteItemTypeDef:
        """Delete an item that is as it was read."""
        key = {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
        others = [(name, value) for name, value in item.items() if name not in key]
        numbers = range(len(others))
        return {
            "Delete": {
                "TableName": self._limits,
                "Key": key,
                "ConditionExpression": " AND ".join(f"#n{n} = :v{n}" for n in numbers),
                "ExpressionAttributeNames": {f"#n{n}": others[n][0] for n in numbers},
                "ExpressionAttributeValues": {f":v{n}": others[n][1] for n in numbers},
            }
        }

    def _rename(self, subject: str, pseudonym: str) -> str:
        if self._caller is not None:
            renamed = name_caller(pseudonym.rpartition("/")[2])
            subject = _find_part(self._caller).sub(lambda _: renamed, subject)
        own = read_principal(pseudonym)
        pseudonyms = {arn: pseudonym if arn == self._identity else own for arn in self._arns}
        renamed_item = self._names.replace({SORT_KEY: {"S": subject}}, pseudonyms)
        return renamed_item[SORT_KEY]["S"]


def _find_part(caller: str) -> re.Pattern[str]:
    """Find the part of a subject's id that names a caller, and not one whose name is longer."""
    return re.compile(rf"(?<=\|){re.escape(caller)}(?=[|#]|$)")
