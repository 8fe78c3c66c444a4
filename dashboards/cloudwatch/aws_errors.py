"""Errors of AWS in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from dashboards.cloudwatch.series import SourceError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_THROTTLED = {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"}


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn errors of a CloudWatch client into one line that says what to do.

    Raises:
        SourceError: CloudWatch refuses, or does not answer.
    """
    try:
        yield
    except ClientError as error:
        raise SourceError(_explain(error)) from None
    except BotoCoreError as error:
        raise SourceError(_in_a_line(error)) from None


def _explain(error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    if code in _DENIED:
        action = f"cloudwatch:{error.operation_name}"
        return f"your credentials lack the permission {action} ({code})."
    if code in _THROTTLED:
        return f"it throttles the requests ({code}). Load the page again in a minute."
    return _in_a_line(error)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
