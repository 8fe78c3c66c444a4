"""Stores the switch of credits in the table `Governance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.switch_items import put_switch_item, read_switch_item
from lambdas.domain.brake import write_switch
from lambdas.domain.budgets.governance_table import CREDITS
from lambdas.domain.credits import CreditSwitch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbCreditSwitch:
    """Stores the switch in one item."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store it in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def read(self) -> CreditSwitch:
        """Read the switch; off if it was never set, or cannot be read."""
        found = read_switch_item(self._client, self._table_name, CREDITS)
        return CreditSwitch() if found is None else CreditSwitch(*found)

    def write(self, switch: CreditSwitch) -> None:
        """Set the switch, with the mark of the change. Someone set it, at a time.

        Raises:
            ValueError: It was never set.
        """
        put_switch_item(self._client, self._table_name, CREDITS, write_switch(switch))
