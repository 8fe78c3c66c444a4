"""The logging state is accepted only if its copy agrees, and the watcher reports if not."""

from dataclasses import replace

import pytest

from lambdas.domain.logging_configuration import (
    AlteredStateError,
    DamagedStateError,
    LoggingState,
    VerifiedState,
    compare_state,
    read_copies,
)
from tests.fakes import InMemoryStateCopy, InMemoryStateStore
from tests.unit.logging_configuration.deployed import CONFIGURATION, DEPLOYED, GROUP

OURS = LoggingState((CONFIGURATION,))
OTHER = LoggingState(found={"s3Config": {"bucketName": "attacker-bucket"}})
ADOPTED = LoggingState(adopted=GROUP)
ADOPTING = replace(DEPLOYED, configuration=None, retention_days=None, role=None)


class DamagedStore(InMemoryStateStore):
    def load(self) -> LoggingState:
        raise DamagedStateError


def verified(logging_state: LoggingState, *copies: LoggingState) -> VerifiedState:
    found = VerifiedState(InMemoryStateStore(), InMemoryStateCopy())
    found.store.save(logging_state)
    found.copy.save(copies)
    return found


@pytest.mark.parametrize(
    ("logging_state", "copies"),
    [(OURS, (OURS,)), (OURS, (OTHER, OURS)), (OURS, (OURS, OTHER)), (LoggingState(), ())],
)
def test_a_state_that_matches_its_copy_is_accepted(
    logging_state: LoggingState, copies: tuple[LoggingState, ...]
) -> None:
    assert verified(logging_state, *copies).load() == logging_state


@pytest.mark.parametrize("may_lack_copy", [False, True])
@pytest.mark.parametrize("logging_state", [OTHER, LoggingState()])
def test_a_state_that_differs_from_its_copy_is_refused(
    logging_state: LoggingState, *, may_lack_copy: bool
) -> None:
    with pytest.raises(AlteredStateError, match="get-parameter-history"):
        verified(logging_state, OURS).load(may_lack_copy=may_lack_copy)


def test_a_state_without_a_copy_is_refused_unless_allowed() -> None:
    with pytest.raises(AlteredStateError):
        verified(OURS).load()
    assert verified(OURS).load(may_lack_copy=True) == OURS


def test_only_the_new_state_is_accepted_after_a_write() -> None:
    logging_state = verified(OTHER, OTHER)
    logging_state.save(OURS, replaced=OTHER)
    assert logging_state.load() == OURS
    logging_state.store.save(OTHER)
    with pytest.raises(AlteredStateError):
        logging_state.load()


def test_a_damaged_copy_accepts_nothing_and_the_state_stays_readable() -> None:
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
def test_foreign_content_of_the_state_is_reported_as_damaged(text: str) -> None:
    with pytest.raises(DamagedStateError):
        LoggingState.from_text(text)


@pytest.mark.parametrize(
    ("logging_state", "copies", "found"),
    [
        (OURS, (OURS,), []),
        (LoggingState((CONFIGURATION,), found={"s3Config": {}}), (OURS,), ["in SSM differs"]),
        (OURS, (), ["in SSM differs"]),
        (OTHER, (OTHER,), ["does not match the deployed configuration"]),
        (ADOPTED, (ADOPTED,), ["does not match the deployed configuration"]),
        (LoggingState(), (), ["does not match the deployed configuration"]),
    ],
)
def test_the_watcher_finds_a_state_of_another_deployment(
    logging_state: LoggingState, copies: tuple[LoggingState, ...], found: list[str]
) -> None:
    texts = [
        difference.text for difference in compare_state(DEPLOYED, verified(logging_state, *copies))
    ]
    assert len(texts) == len(found)
    for text, part in zip(texts, found, strict=True):
        assert part in text


def test_the_state_of_an_adopted_configuration_names_its_log_group() -> None:
    assert list(compare_state(ADOPTING, verified(ADOPTED, ADOPTED))) == []
    (difference,) = compare_state(replace(ADOPTING, log_group="/other"), verified(ADOPTED, ADOPTED))
    assert "does not match the deployed configuration" in difference.text


def test_an_unreadable_state_is_drift() -> None:
    damaged = VerifiedState(DamagedStore(), InMemoryStateCopy())
    (difference,) = compare_state(DEPLOYED, damaged)
    assert "is gone or cannot be read" in difference.text
