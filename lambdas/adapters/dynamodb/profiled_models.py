"""Reads the models behind application inference profiles, which the meter has stored with tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.items import make_key
from lambdas.adapters.refusals import failure_code
from lambdas.domain.attribution.ports import TagsUnavailableError
from lambdas.domain.attribution.tags import ProfiledModel
from lambdas.domain.ledger.state_table import TAGS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbProfiledModels:
    """Reads entries that `DynamoDbTagCache` has written, without their tags."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read entries of a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
        """
        self._client = client
        self._table_name = table_name

    def get_model(self, profile_arn: str) -> ProfiledModel | None:
        """Get the model behind a profile; `None` if the meter has not stored it.

        Raises:
            TagsUnavailableError: DynamoDB denies access or does not answer.
        """
        try:
            answer = self._client.get_item(
                TableName=self._table_name,
                Key=make_key(TAGS_PREFIX + profile_arn),
                ProjectionExpression="model_id, is_global",
            )
        except (BotoCoreError, ClientError) as error:
            message = f"dynamodb:GetItem failed: {failure_code(error)}"
            raise TagsUnavailableError(message) from error
        item = answer.get("Item", {})
        if "model_id" not in item:
            return None
        is_global = "is_global" in item and item["is_global"]["BOOL"]
        return ProfiledModel(item["model_id"]["S"], is_global)
