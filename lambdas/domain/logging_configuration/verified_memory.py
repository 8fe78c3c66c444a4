"""The memory and its copy: written together, compared whenever the memory is read.

The memory decides which configuration `make destroy` puts back. It lies in SSM, the copy in
DynamoDB: a permission on one of the two services is not enough to change what is put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from lambdas.domain.logging_configuration.drift import DeployedLogging, Difference, Subject
from lambdas.domain.logging_configuration.plan import DamagedMemoryError, LoggingMemory, describe
from lambdas.domain.logging_configuration.ports import MemoryCopy, MemoryStore


class AlteredMemoryError(DamagedMemoryError):
    """The memory is not what was written last. Its text says what to do."""


@dataclass(frozen=True, slots=True)
class VerifiedMemory:
    """The memory, taken only where its copy agrees.

    Attributes:
        store: The memory.
        copy: The copy, in another service.
    """

    store: MemoryStore
    copy: MemoryCopy

    def recall(self, *, may_lack_copy: bool = False) -> LoggingMemory:
        """Return the memory.

        Args:
            may_lack_copy: Accept a memory without a copy, as versions before the copy wrote it.

        Raises:
            DamagedMemoryError: It cannot be read, or differs from its copy.
        """
        memory = self.store.recall()
        verify(memory, self.copy.recall(), may_lack_copy=may_lack_copy)
        return memory

    def remember(self, memory: LoggingMemory, replaced: LoggingMemory) -> None:
        """Write both. Wherever this is interrupted, the memory agrees with the copy.

        Args:
            memory: The new memory.
            replaced: The memory so far, as it was recalled or written.

        Raises:
            MemoryUnavailableError: It cannot be written just now.
        """
        self.copy.remember((replaced, memory))
        self.store.remember(memory)
        self.copy.remember((memory,))


def verify(
    memory: LoggingMemory, copies: tuple[LoggingMemory, ...], *, may_lack_copy: bool
) -> None:
    """Check a memory against what its copy allows.

    Raises:
        AlteredMemoryError: They differ. The text says what to do.
    """
    is_new = memory == LoggingMemory()
    if memory in copies or (not copies and (may_lack_copy or is_new)):
        return
    found = "nothing" if memory.found is None else describe(memory.found)
    message = (
        "What Bedrock Meter remembers of Bedrock's logging configuration was changed by others: its"
        " SSM parameter differs from the copy in the state table. According to the parameter,"
        f" Bedrock Meter replaced: {found}. CloudTrail names who wrote it (PutParameter). Bring"
        " back an earlier version of the parameter (`aws ssm get-parameter-history`), or, if the"
        " parameter is right, delete the copy; docs/security.md says how."
    )
    raise AlteredMemoryError(message)


def read_copies(texts: Iterable[str]) -> tuple[LoggingMemory, ...]:
    """Read the memories that a copy allows; a text that is damaged allows nothing."""
    copies = []
    for text in texts:
        with suppress(DamagedMemoryError):
            copies.append(LoggingMemory.from_text(text))
    return tuple(copies)


def compare_memory(deployed: DeployedLogging, memory: VerifiedMemory) -> Iterator[Difference]:
    """Yield what is wrong with the memory: altered, unreadable, or of another configuration."""

    def differ(text: str) -> Difference:
        return Difference(Subject.MEMORY, f"the memory of Bedrock's logging configuration {text}")

    try:
        recalled = memory.recall()
    except AlteredMemoryError:
        yield differ("in SSM differs from its copy in the state table")
        return
    except DamagedMemoryError:
        yield differ("in SSM is gone or cannot be read")
        return
    wanted = deployed.configuration
    is_deployed = (
        recalled.adopted == deployed.log_group if wanted is None else recalled.is_ours(wanted)
    )
    if not is_deployed:
        yield differ("is of another configuration than was deployed")
