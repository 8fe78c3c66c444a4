"""Batches that Lambda gave up on are counted once they are redriven, or the run fails."""

import pytest

from lambdas.domain.counters import Checkpoint
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.faults import Fault
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

_OLD = frozenset({Fault.AGE_LIMIT})


def test_a_counter_that_takes_redriven_batches_for_repeated_ones_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(Checkpoint, "is_missed", lambda *_: False)
        found = ((seed, run(seed, _OLD, Plant(), PIPELINE).violations) for seed in range(100))
        seed, violations = next((seed, lines) for seed, lines in found if lines)
    assert all(violation.startswith("cells: lost") for violation in violations)
    assert run(seed, _OLD, Plant(), PIPELINE).violations == []


def test_a_batch_that_is_redriven_while_the_stream_goes_on_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.simulation.world._CONCURRENCY", 0.3)
    outcomes = [run(seed, _OLD, Plant(), PIPELINE) for seed in range(90, 100)]
    assert [outcome.seed for outcome in outcomes if outcome.violations] == []
