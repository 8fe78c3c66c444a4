"""Remembers in an SSM parameter what was done about Bedrock's invocation logging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.domain.logging_configuration import LoggingMemory

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmLoggingMemory:
    """Keeps the memory as text in a parameter that outlives the deployment."""

    def __init__(self, client: SSMClient, parameter_name: str) -> None:
        """Keep the memory in a parameter that exists; what is no memory counts as none."""
        self._client = client
        self._parameter_name = parameter_name

    def recall(self) -> LoggingMemory:
        """What was remembered last."""
        answer = self._client.get_parameter(Name=self._parameter_name)
        return LoggingMemory.from_text(answer["Parameter"]["Value"])

    def remember(self, memory: LoggingMemory) -> None:
        """Remember."""
        self._client.put_parameter(
            Name=self._parameter_name, Value=memory.to_text(), Overwrite=True
        )
