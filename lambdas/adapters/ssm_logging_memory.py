"""Remembers in an SSM parameter what was done about Bedrock's invocation logging."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambdas.domain.logging_configuration import LoggingMemory

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class SsmLoggingMemory:
    """Keeps the memory as JSON in a parameter that outlives the deployment."""

    def __init__(self, client: SSMClient, parameter_name: str) -> None:
        """Keep the memory in a parameter that exists; what is no memory counts as none."""
        self._client = client
        self._parameter_name = parameter_name

    def recall(self) -> LoggingMemory:
        """What was remembered last."""
        value = self._client.get_parameter(Name=self._parameter_name)["Parameter"]["Value"]
        if not value.startswith("{"):
            return LoggingMemory()
        memory = json.loads(value)
        return LoggingMemory(tuple(memory["written"]), memory["found"])

    def remember(self, memory: LoggingMemory) -> None:
        """Remember."""
        value = json.dumps({"written": memory.written, "found": memory.found})
        self._client.put_parameter(Name=self._parameter_name, Value=value, Overwrite=True)
