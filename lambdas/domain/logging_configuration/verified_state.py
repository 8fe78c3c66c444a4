"""The logging state and its copy: written together, compared whenever the logging state is read.

The logging state decides which configuration `make destroy` restores. It lies in SSM, the copy in
DynamoDB: a permission on one of the two services is not enough to change what is restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from lambdas.domain.logging_configuration.drift import DeployedLogging, Drift, Subject
from lambdas.domain.logging_configuration.plan import DamagedStateError, LoggingState, describe
from lambdas.domain.logging_configuration.ports import StateCopy, StateStore


class AlteredStateError(DamagedStateError):
    """The logging state is not what was written last. Its text says what to do."""


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """The logging state, used only if its copy agrees.

    Attributes:
        store: The logging state.
        copy: The copy, in another service.
    """

    store: StateStore
    copy: StateCopy

    def load(self, *, may_lack_copy: bool = False) -> LoggingState:
        """Return the logging state.

        Args:
            may_lack_copy: Accept a state without a copy, as earlier versions wrote it.

        Raises:
            DamagedStateError: It cannot be read, or differs from its copy.
        """
        logging_state = self.store.load()
        verify(logging_state, self.copy.load(), may_lack_copy=may_lack_copy)
        return logging_state

    def save(self, logging_state: LoggingState, replaced: LoggingState) -> None:
        """Write the logging state and its copy; they agree even if this is interrupted.

        Args:
            logging_state: The new logging state.
            replaced: The logging state so far, as it was loaded or written.

        Raises:
            StateUnavailableError: They cannot be written now.
        """
        self.copy.save((replaced, logging_state))
        self.store.save(logging_state)
        self.copy.save((logging_state,))


def verify(
    logging_state: LoggingState, copies: tuple[LoggingState, ...], *, may_lack_copy: bool
) -> None:
    """Check a logging state against what its copy allows.

    Raises:
        AlteredStateError: They differ. The text says what to do.
    """
    is_new = logging_state == LoggingState()
    if logging_state in copies or (not copies and (may_lack_copy or is_new)):
        return
    found = "nothing" if logging_state.found is None else describe(logging_state.found)
    message = (
        "The saved state of Bedrock's logging configuration was changed by something other than"
        " Bedrock Meter: its SSM parameter differs from the copy in the state table. According to"
        f" the parameter, Bedrock Meter replaced: {found}. CloudTrail names who wrote it"
        " (PutParameter). Restore an earlier version of the parameter (`aws ssm"
        " get-parameter-history`), or, if the parameter is right, delete the copy;"
        " docs/security.md says how."
    )
    raise AlteredStateError(message)


def read_copies(texts: Iterable[str]) -> tuple[LoggingState, ...]:
    """Read the states that a copy allows; a text that is damaged allows nothing."""
    copies = []
    for text in texts:
        with suppress(DamagedStateError):
            copies.append(LoggingState.from_text(text))
    return tuple(copies)


def compare_state(deployed: DeployedLogging, logging_state: VerifiedState) -> Iterator[Drift]:
    """Yield the faults of a logging state: altered, unreadable, of another configuration."""

    def drift(text: str) -> Drift:
        return Drift(
            Subject.LOGGING_STATE, f"the saved state of Bedrock's logging configuration {text}"
        )

    try:
        loaded = logging_state.load()
    except AlteredStateError:
        yield drift("in SSM differs from its copy in the state table")
        return
    except DamagedStateError:
        yield drift("in SSM is gone or cannot be read")
        return
    wanted = deployed.configuration
    is_deployed = loaded.adopted == deployed.log_group if wanted is None else loaded.is_ours(wanted)
    if not is_deployed:
        yield drift("does not match the deployed configuration")
