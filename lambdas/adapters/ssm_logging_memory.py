"""Stores the changes to Bedrock's invocation logging in an SSM parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.logging_configuration import DamagedMemoryError, LoggingMemory
from lambdas.domain.logging_configuration.ports import MemoryUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmLoggingMemory:
    """Keeps the memory as text in a parameter that outlives the deployment."""

    def __init__(self, client: SSMClient, parameter_name: str) -> None:
        """Keep the state in an existing parameter; the content of a new one counts as none."""
        self._client = client
        self._parameter_name = parameter_name

    def recall(self) -> LoggingMemory:
        """Load the state that was saved last.

        Raises:
            DamagedMemoryError: It is gone or cannot be read.
        """
        with refusal_as_not_readable():
            return LoggingMemory.from_text(self._read())

    def _read(self) -> str:
        try:
            answer = self._client.get_parameter(Name=self._parameter_name)
        except self._client.exceptions.ParameterNotFound as error:
            message = (
                "The SSM parameter in which Bedrock Meter remembers Bedrock's logging configuration"
                f", {self._parameter_name}, is gone. Make it again from its copy in the state"
                " table; docs/security.md says how."
            )
            raise DamagedMemoryError(message) from error
        return answer["Parameter"]["Value"]

    def remember(self, memory: LoggingMemory) -> None:
        """Save the state.

        Raises:
            MemoryUnavailableError: SSM does not take it.
        """
        try:
            self._client.put_parameter(
                Name=self._parameter_name, Value=memory.to_text(), Overwrite=True
            )
        except (BotoCoreError, ClientError) as error:
            raise MemoryUnavailableError(str(error)) from error
