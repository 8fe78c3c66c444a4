"""Stores the changes to Bedrock's invocation logging in an SSM parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.logging_configuration import DamagedStateError, LoggingState
from lambdas.domain.logging_configuration.ports import StateUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmLoggingState:
    """Keeps the logging state as text in a parameter that outlives the deployment."""

    def __init__(self, client: SSMClient, parameter_name: str) -> None:
        """Store the state in an existing parameter; the content of a new one counts as none."""
        self._client = client
        self._parameter_name = parameter_name

    def load(self) -> LoggingState:
        """Load the state that was saved last.

        Raises:
            DamagedStateError: It is gone or cannot be read.
        """
        with refusal_as_not_readable():
            return LoggingState.from_text(self._read())

    def _read(self) -> str:
        try:
            answer = self._client.get_parameter(Name=self._parameter_name)
        except self._client.exceptions.ParameterNotFound as error:
            message = (
                "The SSM parameter with the saved state of Bedrock's logging configuration"
                f", {self._parameter_name}, is gone. Make it again from its copy in the state"
                " table; docs/security.md says how."
            )
            raise DamagedStateError(message) from error
        return answer["Parameter"]["Value"]

    def save(self, logging_state: LoggingState) -> None:
        """Save the state.

        Raises:
            StateUnavailableError: SSM does not take it.
        """
        try:
            self._client.put_parameter(
                Name=self._parameter_name, Value=logging_state.to_text(), Overwrite=True
            )
        except (BotoCoreError, ClientError) as error:
            raise StateUnavailableError(str(error)) from error
