"""Codes of AWS's errors."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError


def error_code(error: ClientError) -> str:
    """Return the code of an error."""
    return error.response["Error"]["Code"]


@contextmanager
def ignore_errors(codes: Collection[str]) -> Iterator[None]:
    """Leave the block at an error with one of these codes; the code after it gives the default."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise
