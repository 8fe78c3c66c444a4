"""Distinguishes errors of AWS: absent, not offered at all, or no answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

_ABSENT = frozenset(
    {
        "NotFound",
        "NotFoundException",
        "PolicyNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "TableNotFoundException",
    }
)
_NOT_OFFERED = frozenset(
    {
        "InvalidAction",
        "UnknownOperation",
        "UnknownOperationException",
        "UnsupportedOperation",
    }
)


@contextmanager
def refusal_as_not_readable() -> Iterator[None]:
    """Raise `NotReadableError` where AWS denies access, is busy or does not answer."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        # Most functions need only codes of errors, and safeguards take long to import.
        from lambdas.domain.safeguards.ports import NotReadableError  # noqa: PLC0415

        raise NotReadableError(failure_code(error), str(error)) from error


@contextmanager
def ignore_absent() -> Iterator[None]:
    """Leave the block if the resource does not exist; the code after it gives the default."""
    try:
        yield
    except ClientError as error:
        if not is_absent(error):
            raise


def failure_code(error: Exception) -> str:
    """Return the code of an error of AWS, else its type, without details of the request."""
    return error_code(error) if isinstance(error, ClientError) else type(error).__name__


def error_code(error: ClientError) -> str:
    """The code of an error."""
    return str(error.response["Error"]["Code"])


def is_absent(error: ClientError) -> bool:
    """True if the resource does not exist."""
    return error_code(error) in _ABSENT


def is_not_offered(error: ClientError) -> bool:
    """True if the Region does not offer the action, so that no such resource can exist there."""
    return error_code(error) in _NOT_OFFERED
