"""Bugs in how answers of DynamoDB are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tests.simulation.planted.plant import Plant


class ChangedClient:
    """A client with some changed operations."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


class _IgnoresRefusedStatements(ChangedClient):
    def batch_execute_statement(self, **request: Any) -> Any:
        answer = self.client.batch_execute_statement(**request)
        return {
            "Responses": [
                {} if response.get("Error", {}).get("Code") == "ThrottlingError" else response
                for response in answer["Responses"]
            ]
        }


class IgnoresThrottles(Plant):
    """The ledger takes a throttled statement of a batch as done."""

    def change_client(self, function: str, client: Any) -> Any:
        return _IgnoresRefusedStatements(client) if function == "log_processor" else client


class _IgnoresWhatIsLeft(ChangedClient):
    def batch_write_item(self, **request: Any) -> Any:
        return self.client.batch_write_item(**request) | {"UnprocessedItems": {}}


class IgnoresUnprocessedItems(Plant):
    """Notes of calls without a price are not written again where DynamoDB left them."""

    def change_client(self, function: str, client: Any) -> Any:
        return _IgnoresWhatIsLeft(client) if function == "metric_publisher" else client


class _TakesConflictsAsDone(ChangedClient):
    def transact_write_items(self, **request: Any) -> Any:
        try:
            return self.client.transact_write_items(**request)
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            if {"Code": "TransactionConflict"} not in reasons:
                raise
            return {}


class TakesConflictsAsDone(Plant):
    """The counter takes a conflict for its own earlier attempt."""

    def change_client(self, function: str, client: Any) -> Any:
        return _TakesConflictsAsDone(client) if function == "usage_counter" else client


class _RepeatsWithoutCondition(ChangedClient):
    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> Any:  # noqa: N803
        try:
            return self.client.transact_write_items(TransactItems=TransactItems)
        except ReadTimeoutError:
            unconditional = list(map(_without_condition, TransactItems))
            return self.client.transact_write_items(TransactItems=unconditional)


class RepeatsWithoutCondition(Plant):
    """The counter repeats a transaction whose answer was lost, without its condition."""

    def change_client(self, function: str, client: Any) -> Any:
        return _RepeatsWithoutCondition(client) if function == "usage_counter" else client


def _without_condition(action: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, request),) = action.items()
    if kind == "ConditionCheck":
        return dict(action)
    dropped = {"ConditionExpression"}
    if kind == "Put":
        dropped |= {"ExpressionAttributeNames", "ExpressionAttributeValues"}
    return {kind: {name: value for name, value in request.items() if name not in dropped}}
