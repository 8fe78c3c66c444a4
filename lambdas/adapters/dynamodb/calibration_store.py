"""Stores calibrated errors in the table `Governance`; `governance_table` has its keys."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.budgets.governance_table import (
    CALIBRATED,
    ERRORS,
    FORECAST_ERRORS,
    PARTITION_KEY,
    SALT,
    SORT_KEY,
)
from lambdas.domain.forecasting import (
    CalibrationUnreadableError,
    ErrorRatios,
    InvalidCalibrationError,
    read_calibration,
    write_calibration,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEY: Mapping[str, AttributeValueTypeDef] = {
    PARTITION_KEY: {"S": FORECAST_ERRORS},
    SORT_KEY: {"S": CALIBRATED},
}


_SALT_KEY: Mapping[str, AttributeValueTypeDef] = {
    PARTITION_KEY: {"S": FORECAST_ERRORS},
    SORT_KEY: {"S": SALT},
}
_SALT_BYTES = 32


class DynamoDbCalibrationStore:
    """Stores one calibration in one item, and a salt in another."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store it in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of budgets.
        """
        self._client = client
        self._table_name = table_name

    def read(self) -> ErrorRatios | None:
        """Read the errors; `None` before the first.

        Raises:
            CalibrationUnreadableError: DynamoDB did not answer, or the item is damaged.
        """
        try:
            answer = self._client.get_item(TableName=self._table_name, Key=_KEY)
        except (BotoCoreError, ClientError) as error:
            raise CalibrationUnreadableError(str(error)) from error
        if "Item" not in answer:
            return None
        try:
            return read_calibration(answer["Item"][ERRORS]["S"])
        except InvalidCalibrationError as error:
            raise CalibrationUnreadableError(str(error)) from error
        except KeyError as error:
            message = "the item has no text of errors"
            raise CalibrationUnreadableError(message) from error

    def write(self, errors: ErrorRatios) -> None:
        """Replace the errors.

        Raises:
            ValueError: They are the shipped ones alone.
        """
        self._client.put_item(
            TableName=self._table_name, Item={**_KEY, ERRORS: {"S": write_calibration(errors)}}
        )

    def get_salt(self) -> str:
        """Get the salt; the first call makes it."""
        answer = self._client.update_item(
            TableName=self._table_name,
            Key=_SALT_KEY,
            UpdateExpression="SET #salt = if_not_exists(#salt, :new)",
            ExpressionAttributeNames={"#salt": SALT},
            ExpressionAttributeValues={":new": {"S": secrets.token_hex(_SALT_BYTES)}},
            ReturnValues="ALL_NEW",
        )
        return answer["Attributes"][SALT]["S"]
