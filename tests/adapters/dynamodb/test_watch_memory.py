"""The contract of every store of a watch's state, run on each of them."""

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from lambdas.adapters.dynamodb.watch_memory import DynamoDbWatchMemory
from lambdas.domain.logging_configuration import WatchState
from lambdas.domain.logging_configuration.watch_ports import WatchMemory, WatchStateChangedError
from tests.aws import STATE
from tests.fakes import InMemoryWatchMemory

FOUND = WatchState(("logging is off",), ("event-1",), is_told=False)


@pytest.fixture(params=["in memory", "dynamodb"])
def memory(request: pytest.FixtureRequest) -> Iterator[WatchMemory]:
    if request.param == "in memory":
        yield InMemoryWatchMemory()
        return
    request.getfixturevalue("aws")
    yield DynamoDbWatchMemory(boto3.client("dynamodb"), STATE)


def test_at_first_all_was_as_deployed_and_nothing_is_to_be_told(memory: WatchMemory) -> None:
    assert memory.recall() == WatchState(differences=(), events=(), is_told=True)


def test_what_was_remembered_is_recalled(memory: WatchMemory) -> None:
    memory.remember(FOUND, before=memory.recall())
    assert memory.recall() == FOUND
    memory.remember(replace(FOUND, is_told=True), before=FOUND)
    assert memory.recall().is_told


def test_what_somebody_else_has_remembered_since_is_not_overwritten(memory: WatchMemory) -> None:
    before = memory.recall()
    memory.remember(FOUND, before=before)
    with pytest.raises(WatchStateChangedError):
        memory.remember(replace(FOUND, events=("event-2",)), before=before)
    assert memory.recall() == FOUND
