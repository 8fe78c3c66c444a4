"""The ports of the configurator: Bedrock's setting, and two stores of its state."""

from __future__ import annotations

from typing import Protocol

from lambdas.domain.logging_configuration.plan import LoggingConfiguration, LoggingState


class ConfigurationRefusedError(Exception):
    """Bedrock rejects a configuration; trying again does not help."""


class StateUnavailableError(Exception):
    """The logging state cannot be written just now."""


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


class StateStore(Protocol):
    """The store of the state between deployments."""

    def load(self) -> LoggingState:
        """Return the state saved last; an empty one at first.

        Raises:
            DamagedStateError: It is gone or cannot be read.
        """

    def save(self, logging_state: LoggingState) -> None:
        """Save a state.

        Raises:
            StateUnavailableError: It cannot be written just now.
        """


class StateCopy(Protocol):
    """A copy of the state in another service."""

    def load(self) -> tuple[LoggingState, ...]:
        """Return the states that the copy allows; empty before the first write."""

    def save(self, states: tuple[LoggingState, ...]) -> None:
        """Replace the states that the copy allows.

        Raises:
            StateUnavailableError: It cannot be written just now.
        """
