"""Errors of AWS, as its clients raise them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

THROTTLED = "ThrottlingException"
UNAVAILABLE = "ServiceUnavailable"
CONFLICT = "TransactionConflictException"


class ConditionalCheckFailedError(ClientError):
    """A condition did not hold."""


class TransactionCanceledError(ClientError):
    """A transaction was not carried out."""


class TransactionConflictError(ClientError):
    """A transaction on the item was under way."""


class ResourceNotFoundError(ClientError):
    """There is no such table."""


def refused(code: str, operation: str) -> ClientError:
    """Make the error of a refused request."""
    kind = TransactionConflictError if code == CONFLICT else ClientError
    return kind({"Error": {"Code": code, "Message": "simulated"}}, operation)


def lost_answer() -> ReadTimeoutError:
    """Make the error of a request without an answer."""
    return ReadTimeoutError(endpoint_url="https://simulated.example")


def condition_failed(
    operation: str, item: Mapping[str, Any] | None = None
) -> ConditionalCheckFailedError:
    """Make the error of a condition that did not hold, with the item if it was asked for."""
    error = ConditionalCheckFailedError(
        {"Error": {"Code": "ConditionalCheckFailedException", "Message": "simulated"}}, operation
    )
    if item is not None:
        error.response["Item"] = item  # type: ignore[typeddict-unknown-key]
    return error


def canceled(codes: Sequence[str]) -> TransactionCanceledError:
    """Make the error of a transaction, with a code for each of its actions; `None` for good ones.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    error = TransactionCanceledError(
        {
            "Error": {
                "Code": "TransactionCanceledException",
                "Message": f"Transaction cancelled, reasons [{', '.join(codes)}]",
            }
        },
        "TransactWriteItems",
    )
    error.response["CancellationReasons"] = [{"Code": code} for code in codes]
    return error
