"""Stores in the state table the identities that have metrics of their own this month."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.backoff import back_off
from lambdas.adapters.bounded_entries import add_bounded
from lambdas.adapters.dynamodb.items import make_key
from lambdas.domain.ledger.state_table import IDENTITIES_PREFIX, IDENTITY_PREFIX, SESSIONS_PREFIX
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY
from lambdas.domain.metrics import SESSIONS_PER_ROLE, Admission

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ANSWERS = 10_000
"""Answers that are kept in memory, about 300 bytes each; callers choose the names of sessions."""
_MAX_ATTEMPTS = 5
_RETENTION = timedelta(days=100)  # well past the month's end
_REFUSED = "ConditionalCheckFailed"


class RegistryUnavailableError(Exception):
    """The registry is too busy to answer. Asking again is safe."""


class DynamoDbIdentityRegistry:
    """Admits identities in a transaction, so that two writers never exceed the bound together."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        bound: int,
        pause: Callable[[float], None] = time.sleep,
        scope: str = "",
    ) -> None:
        """Store the registry in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
            bound: The number of identities a month that may have metrics of their own.
            pause: Waits some seconds before a transaction is tried again.
            scope: The name of the registry within its table.
        """
        self._client = client
        self._table_name = table_name
        self._bound = bound
        self._pause = pause
        self._scope = scope
        self._answers: dict[tuple[str, str], Admission] = {}

    def admit(self, month: str, value: str, role: str | None) -> Admission:
        """Admit a dimension value in a month, or say why not.

        Raises:
            RegistryUnavailableError: DynamoDB was too busy every time.
        """
        answer = self._answers.get((month, value))
        if answer is None:
            answer = self._ask(month, value, role)
            add_bounded(self._answers, (month, value), answer, MAX_ANSWERS)
        return answer

    def _ask(self, month: str, value: str, role: str | None) -> Admission:
        writes = [
            self._member(month, value),
            self._counter(month, f"{self._scope}{IDENTITIES_PREFIX}{month}", self._bound),
        ]
        if role is not None:
            writes.append(
                self._counter(month, f"{SESSIONS_PREFIX}{month}#{role}", SESSIONS_PER_ROLE)
            )
        for attempt in range(_MAX_ATTEMPTS):
            back_off(attempt, self._pause)
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                member, identities, *sessions = [reason.get("Code") for reason in reasons]
            else:
                return Admission.ADMITTED
            if member == _REFUSED:  # it was admitted before
                return Admission.ADMITTED
            if _REFUSED in sessions:
                return Admission.ROLE_IS_FULL
            if identities == _REFUSED:
                return Admission.FULL
            # Other writers were in the way, or DynamoDB was throttling.
        message = f"no answer about an identity in {month}"
        raise RegistryUnavailableError(message)

    def _member(self, month: str, value: str) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": {
                    **make_key(f"{self._scope}{IDENTITY_PREFIX}{month}#{value}"),
                    EXPIRES_AT: {"N": _expiry(month)},
                },
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        }

    def _counter(self, month: str, key: str, bound: int) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": make_key(key),
                "UpdateExpression": f"ADD members :one SET {EXPIRES_AT} = :expiry",
                "ConditionExpression": "attribute_not_exists(members) OR members < :bound",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":bound": {"N": str(bound)},
                    ":expiry": {"N": _expiry(month)},
                },
            }
        }


def _expiry(month: str) -> str:
    first_day = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return str(int((first_day + _RETENTION).timestamp()))
