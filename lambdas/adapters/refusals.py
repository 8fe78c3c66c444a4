"""Tells apart errors of AWS: refused for lack of a permission, absent, or not offered at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from lambdas.domain.safeguards.ports import NotReadableError

_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "KMSAccessDeniedException",
        "UnauthorizedOperation",
    }
)
_ABSENT = frozenset(
    {"NotFound", "NotFoundException", "ResourceNotFound", "ResourceNotFoundException"}
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
    """Raise `NotReadableError` where AWS denies access; leave other errors as they are."""
    try:
        yield
    except ClientError as error:
        if error_code(error) in _REFUSED:
            raise NotReadableError(error_code(error)) from error
        raise


def error_code(error: ClientError) -> str:
    """The code of an error."""
    return str(error.response["Error"]["Code"])


def is_absent(error: ClientError) -> bool:
    """Whether the resource does not exist."""
    return error_code(error) in _ABSENT


def is_not_offered(error: ClientError) -> bool:
    """Whether the Region does not have the action, so that nothing can exist there."""
    return error_code(error) in _NOT_OFFERED
