"""Calls a deployed function and waits for its result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.config import Config

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_lambda import LambdaClient


# A function may run for minutes. A retry meanwhile would do all its work twice.
_ONCE = Config(read_timeout=15 * 60, retries={"total_max_attempts": 1}, tcp_keepalive=True)


class FunctionFailedError(Exception):
    """A function raised an error. The text says which one."""


def open_functions(session: boto3.Session) -> LambdaClient:
    """Open a client that calls a function once and waits for its answer."""
    return session.client("lambda", config=_ONCE)


def invoke(client: LambdaClient, function: str, event: object) -> Any:  # noqa: ANN401  # its answer
    """Call a function with an event and return its answer.

    Raises:
        FunctionFailedError: The function raised an error.
    """
    # JSON escapes text that is not valid UTF-8 (half a surrogate pair).
    payload = json.dumps(event, ensure_ascii=False).encode(errors="backslashreplace")
    response = client.invoke(FunctionName=function, Payload=payload)
    answer = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response:
        kind = answer.get("errorType") if isinstance(answer, dict) else None
        message = f"{function} failed with {kind or response['FunctionError']}"
        raise FunctionFailedError(message)
    return answer
