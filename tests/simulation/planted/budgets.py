"""Bugs in how sums of budgets are completed and alerts are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation.planted.clients import ChangedClient
from tests.simulation.planted.plant import Plant


class _CompletesAgain(ChangedClient):
    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> Any:  # noqa: N803
        return self.client.transact_write_items(
            TransactItems=[_complete_anyway(action) for action in TransactItems]
        )


class CompletesSumsAgain(Plant):
    """A run that repeats another adds the usage from before the budget a second time."""

    def change_client(self, function: str, client: Any) -> Any:
        return _CompletesAgain(client) if function == "budget_builder" else client


class _ClaimsNothing(ChangedClient):
    def update_item(self, **request: Any) -> Any:
        is_claim = "claimed_until" in request["UpdateExpression"]
        return {} if is_claim else self.client.update_item(**request)


class ClaimsNoAlerts(Plant):
    """Two runs at the same time send the same alert."""

    def change_client(self, function: str, client: Any) -> Any:
        return _ClaimsNothing(client) if function == "budget_evaluator" else client


class _NotesNoWays(ChangedClient):
    def update_item(self, **request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        if ":ways" in values:
            values = values | {":ways": {"L": []}}
        return self.client.update_item(**request | {"ExpressionAttributeValues": values})


class ForgetsDeliveries(Plant):
    """An alert goes both ways again when one of them refuses it."""

    def change_client(self, function: str, client: Any) -> Any:
        return _NotesNoWays(client) if function == "budget_evaluator" else client


def _complete_anyway(action: Mapping[str, Any]) -> Mapping[str, Any]:
    update = action.get("Update", {})
    if "#base" not in update.get("ConditionExpression", ""):
        return action
    return {"Update": {key: part for key, part in update.items() if key != "ConditionExpression"}}
