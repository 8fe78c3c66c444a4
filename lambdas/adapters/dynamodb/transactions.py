"""Reasons for which DynamoDB cancels a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import error_code

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
