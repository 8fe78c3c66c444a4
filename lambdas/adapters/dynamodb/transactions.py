"""Reasons for which DynamoDB cancels a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_CONFLICT = "TransactionConflict"
_REFUSED = "ConditionalCheckFailed"
MAX_CONFLICTS = 5
"""The attempts of a write that meets other writes of its item."""
_CANCELED = "TransactionCanceledException"
_NO_REASON = "None"
LOST_RACES = frozenset({_REFUSED, _CONFLICT})
"""The codes of a transaction that another writer was faster than."""


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


def write_if_allowed(client: DynamoDBClient, actions: Sequence[TransactWriteItemTypeDef]) -> bool:
    """Write all or nothing; `False` if a condition does not hold.

    Unlike `write_unless_changed`, this repeats the transaction if another write of an item is
    under way: it says nothing about the conditions.

    Raises:
        ClientError: Other writes were under way each time, or the request was refused.
    """
    for _ in range(MAX_CONFLICTS):
        try:
            client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if _REFUSED in codes and codes <= LOST_RACES:
                return False
            if codes != {_CONFLICT}:
                raise
            conflict = error
        else:
            return True
    raise conflict
