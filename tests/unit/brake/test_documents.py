"""Denies and releases are read as they were stored, and damaged ones are refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import (
    CauseKey,
    Deny,
    DenyCause,
    DenyState,
    Obstacle,
    ReactionWatch,
    Release,
    ReleaseReason,
    read_deny,
    read_release,
    write_deny,
    write_release,
)
from lambdas.domain.budgets import BudgetAmount, BudgetPeriod, BudgetUnit
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, deny

numbers = st.integers(0, 10**18)
times = st.integers(0, 10**9).map(
    lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
)
keys = st.builds(
    CauseKey,
    st.sampled_from(["a", "b"]),
    st.integers(1, 9),
    st.text(max_size=5),
    st.builds(BudgetPeriod, st.text(max_size=5), times, times),
)
causes = st.builds(
    DenyCause,
    keys,
    times,
    st.builds(BudgetAmount, st.sampled_from(BudgetUnit), numbers),
    numbers,
    numbers,
)
denies = st.builds(
    Deny,
    target=st.sampled_from([ANA_SESSION, BEN_USER, CHAT]),
    causes=st.lists(causes, min_size=1, max_size=3).map(tuple),
    decided_at=times,
    state=st.sampled_from(DenyState),
    attached_at=st.none() | times,
    taken_off=st.integers(0, 3),
    release=st.none() | st.sampled_from(ReleaseReason),
    obstacle=st.none() | st.sampled_from(Obstacle),
    watch=st.none() | st.builds(ReactionWatch, times, times, numbers),
    revision=st.integers(0, 9),
)
releases = st.builds(
    Release,
    target_arn=st.text(max_size=5),
    key=keys,
    level=numbers,
    until=st.none() | times,
    by=st.text(max_size=5),
    at=times,
)


@given(denies)
def test_a_deny_is_read_from_its_document(made: Deny) -> None:
    read = read_deny(json.loads(json.dumps(write_deny(made))), made.revision)
    assert read == made
    assert read.revision == made.revision


def test_a_deny_that_was_stored_before_obstacles_were_is_read() -> None:
    document = write_deny(deny())
    del document["obstacle"]
    assert read_deny(document, 0) == deny()


@given(releases)
def test_a_release_is_read_from_its_document(made: Release) -> None:
    assert read_release(json.loads(json.dumps(write_release(made)))) == made


@pytest.mark.parametrize(
    "damage",
    [
        {"causes": []},
        {"causes": None},
        {"state": "gone"},
        {"decided_at": "2026-09-08T12:00:00"},
        {"target": {}},
        {"watch": [1]},
        {"obstacle": "rain"},
    ],
)
def test_a_damaged_deny_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        read_deny(write_deny(deny()) | damage, 1)
