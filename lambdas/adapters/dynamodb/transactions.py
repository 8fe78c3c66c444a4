"""Reasons for which DynamoDB cancels a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

LOST_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""The codes of a transaction that another writer was faster than."""
_CANCELED = "TransactionCanceledException"
_NO_REASON = "None"


def read_cancellation_codes(error: ClientError) -> frozenset[str]:
    """Read the codes of the actions that canceled a transaction; none for another error.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    if error_code(error) != _CANCELED:
        return frozenset()
    reasons = cast("Sequence[Mapping[str, str]]", error.response.get("CancellationReasons", ()))
    return frozenset(reason.get("Code", _NO_REASON) for reason in reasons) - {_NO_REASON}


def write_unless_changed(
    client: DynamoDBClient, actions: Sequence[TransactWriteItemTypeDef]
) -> bool:
    """Write all or nothing; `False` if an item has changed since it was read."""
    try:
        client.transact_write_items(TransactItems=actions)
    except ClientError as error:
        codes = read_cancellation_codes(error)
        if codes and codes <= LOST_RACES:
            return False
        raise
    return True
