"""The contract of every store of the watcher's state, run on each of them."""

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from lambdas.adapters.dynamodb.watch_state_store import DynamoDbWatchStateStore
from lambdas.domain.logging_configuration import WatchState
from lambdas.domain.logging_configuration.watch_ports import WatchStateChangedError, WatchStateStore
from tests.aws import STATE
from tests.fakes import InMemoryWatchStateStore

FOUND = WatchState(("logging is off",), ("event-1",), is_reported=False)


@pytest.fixture(params=["in memory", "dynamodb"])
def watch_state(request: pytest.FixtureRequest) -> Iterator[WatchStateStore]:
    if request.param == "in memory":
        yield InMemoryWatchStateStore()
        return
    request.getfixturevalue("aws")
    yield DynamoDbWatchStateStore(boto3.client("dynamodb"), STATE)


def test_the_initial_state_has_no_drift_and_no_pending_notice(
    watch_state: WatchStateStore,
) -> None:
    assert watch_state.load() == WatchState(drifts=(), events=(), is_reported=True)


def test_a_saved_state_is_loaded(watch_state: WatchStateStore) -> None:
    watch_state.save(FOUND, before=watch_state.load())
    assert watch_state.load() == FOUND
    watch_state.save(replace(FOUND, is_reported=True), before=FOUND)
    assert watch_state.load().is_reported


def test_a_state_saved_by_another_check_is_not_overwritten(
    watch_state: WatchStateStore,
) -> None:
    before = watch_state.load()
    watch_state.save(FOUND, before=before)
    with pytest.raises(WatchStateChangedError):
        watch_state.save(replace(FOUND, events=("event-2",)), before=before)
    assert watch_state.load() == FOUND
