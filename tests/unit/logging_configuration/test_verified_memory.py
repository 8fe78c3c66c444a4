"""The memory is taken only where its copy agrees, and the watch sees where it does not."""

from dataclasses import replace

import pytest

from lambdas.domain.logging_configuration import (
    AlteredMemoryError,
    DamagedMemoryError,
    LoggingMemory,
    VerifiedMemory,
    compare_memory,
    read_copies,
)
from tests.fakes import InMemoryMemoryCopy, InMemoryMemoryStore
from tests.unit.logging_configuration.deployed import CONFIGURATION, DEPLOYED, GROUP

OURS = LoggingMemory((CONFIGURATION,))
OTHER = LoggingMemory(found={"s3Config": {"bucketName": "attacker-bucket"}})
ADOPTED = LoggingMemory(adopted=GROUP)
ADOPTING = replace(DEPLOYED, configuration=None, retention_days=None, role=None)


class DamagedStore(InMemoryMemoryStore):
    def recall(self) -> LoggingMemory:
        raise DamagedMemoryError


def verified(memory: LoggingMemory, *copies: LoggingMemory) -> VerifiedMemory:
    found = VerifiedMemory(InMemoryMemoryStore(), InMemoryMemoryCopy())
    found.store.remember(memory)
    found.copy.remember(copies)
    return found


@pytest.mark.parametrize(
    ("memory", "copies"),
    [(OURS, (OURS,)), (OURS, (OTHER, OURS)), (OURS, (OURS, OTHER)), (LoggingMemory(), ())],
)
def test_a_memory_that_its_copy_allows_is_taken(
    memory: LoggingMemory, copies: tuple[LoggingMemory, ...]
) -> None:
    assert verified(memory, *copies).recall() == memory


@pytest.mark.parametrize("may_lack_copy", [False, True])
@pytest.mark.parametrize("memory", [OTHER, LoggingMemory()])
def test_a_memory_that_its_copy_does_not_allow_is_refused(
    memory: LoggingMemory, *, may_lack_copy: bool
) -> None:
    with pytest.raises(AlteredMemoryError, match="get-parameter-history"):
        verified(memory, OURS).recall(may_lack_copy=may_lack_copy)


def test_a_memory_without_a_copy_is_refused_unless_it_may_lack_one() -> None:
    with pytest.raises(AlteredMemoryError):
        verified(OURS).recall()
    assert verified(OURS).recall(may_lack_copy=True) == OURS


def test_once_written_only_the_new_memory_is_allowed() -> None:
    memory = verified(OTHER, OTHER)
    memory.remember(OURS, replaced=OTHER)
    assert memory.recall() == OURS
    memory.store.remember(OTHER)
    with pytest.raises(AlteredMemoryError):
        memory.recall()


def test_a_damaged_copy_allows_nothing_and_the_rest_stays_readable() -> None:
    assert read_copies(["{", "", OURS.to_text()]) == (OURS,)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 4_000,
        '{"written": "abc", "found": null, "adopted": null}',
        '{"written": [], "found": "bucket", "adopted": null}',
        '{"written": [], "found": {"s3Config": "bucket"}, "adopted": null}',
        '{"written": [{"cloudWatchConfig": null}], "found": null, "adopted": null}',
    ],
)
def test_whatever_others_write_into_the_memory_is_damaged_and_breaks_nothing(text: str) -> None:
    with pytest.raises(DamagedMemoryError):
        LoggingMemory.from_text(text)


@pytest.mark.parametrize(
    ("memory", "copies", "found"),
    [
        (OURS, (OURS,), []),
        (LoggingMemory((CONFIGURATION,), found={"s3Config": {}}), (OURS,), ["in SSM differs"]),
        (OURS, (), ["in SSM differs"]),
        (OTHER, (OTHER,), ["is of another configuration"]),
        (ADOPTED, (ADOPTED,), ["is of another configuration"]),
        (LoggingMemory(), (), ["is of another configuration"]),
    ],
)
def test_the_watch_finds_a_memory_that_is_not_of_this_deployment(
    memory: LoggingMemory, copies: tuple[LoggingMemory, ...], found: list[str]
) -> None:
    texts = [difference.text for difference in compare_memory(DEPLOYED, verified(memory, *copies))]
    assert len(texts) == len(found)
    for text, part in zip(texts, found, strict=True):
        assert part in text


def test_the_memory_of_an_adopted_configuration_names_its_log_group() -> None:
    assert list(compare_memory(ADOPTING, verified(ADOPTED, ADOPTED))) == []
    (difference,) = compare_memory(
        replace(ADOPTING, log_group="/other"), verified(ADOPTED, ADOPTED)
    )
    assert "is of another configuration" in difference.text


def test_a_memory_that_cannot_be_read_is_a_difference() -> None:
    damaged = VerifiedMemory(DamagedStore(), InMemoryMemoryCopy())
    (difference,) = compare_memory(DEPLOYED, damaged)
    assert "is gone or cannot be read" in difference.text
