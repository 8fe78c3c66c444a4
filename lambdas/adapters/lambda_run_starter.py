"""Starts a Lambda function asynchronously."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.runs import RunNotStartedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class LambdaRunStarter:
    """Starts one function, whose answer nothing waits for."""

    def __init__(self, client: LambdaClient, function_name: str, event: Mapping[str, Any]) -> None:
        """Start a function of this account and Region, by its name, with an event."""
        self._client = client
        self._function_name = function_name
        self._payload = json.dumps(event).encode()

    def start(self) -> None:
        """Put the event into the function's queue.

        Raises:
            RunNotStartedError: Lambda refused it, or did not answer in time.
        """
        try:
            self._client.invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=self._payload
            )
        except (BotoCoreError, ClientError) as error:
            raise RunNotStartedError(str(error)) from error
