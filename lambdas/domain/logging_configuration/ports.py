"""The ports of the configurator: Bedrock's setting, and two stores of its state."""

from __future__ import annotations

from typing import Protocol

from lambdas.domain.logging_configuration.plan import LoggingConfiguration, LoggingMemory


class ConfigurationRefusedError(Exception):
    """Bedrock does not take a configuration, and never will as things stand."""


class MemoryUnavailableError(Exception):
    """The memory cannot be written just now."""


class LoggingApi(Protocol):
    """Bedrock's invocation logging in this account and Region."""

    def get(self) -> LoggingConfiguration | None:
        """Get the configuration; `None` where logging is off."""

    def put(self, configuration: LoggingConfiguration) -> None:
        """Configure.

        Raises:
            ConfigurationRefusedError: Bedrock does not take it.
        """

    def remove(self) -> None:
        """Switch logging off."""


class MemoryStore(Protocol):
    """The store of the state between deployments."""

    def recall(self) -> LoggingMemory:
        """Return what was remembered last; an empty memory at first.

        Raises:
            DamagedMemoryError: It is gone or cannot be read.
        """

    def remember(self, memory: LoggingMemory) -> None:
        """Remember.

        Raises:
            MemoryUnavailableError: It cannot be written just now.
        """


class MemoryCopy(Protocol):
    """A copy of the state in another service."""

    def recall(self) -> tuple[LoggingMemory, ...]:
        """Return the states that the copy allows; empty before the first write."""

    def remember(self, memories: tuple[LoggingMemory, ...]) -> None:
        """Allow these memories and no others.

        Raises:
            MemoryUnavailableError: It cannot be written just now.
        """
