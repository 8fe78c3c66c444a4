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
