"""Calls a deployed function and waits for what becomes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class FunctionFailedError(Exception):
    """A function raised an error. The text says which one."""


def invoke(client: LambdaClient, function: str, event: object) -> Any:  # noqa: ANN401  # its answer
    """Call a function with an event and return what it answers.

    Raises:
        FunctionFailedError: The function raised an error.
    """
    response = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    answer = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response:
        kind = answer.get("errorType") if isinstance(answer, dict) else None
        message = f"{function} failed with {kind or response['FunctionError']}"
        raise FunctionFailedError(message)
    return answer
