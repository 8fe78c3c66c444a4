"""The ledger of a later version, which writes an attribute that this version does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    from lambdas.adapters.dynamodb.items import Item

LATER_ATTRIBUTE = "attribute_of_a_later_version"


class LaterUsageLedger(DynamoDbUsageLedger):
    """Inserts calls with one attribute more. What it joins, it writes as this version does."""

    def _insertion(self, item: Item) -> BatchStatementRequestTypeDef:
        return super()._insertion({**item, LATER_ATTRIBUTE: {"S": "new"}})
