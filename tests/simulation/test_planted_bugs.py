"""Each fault finds its planted bug, and all other faults together do not."""

import pytest

from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.faults import ALL_FAULTS, Fault, Faults
from tests.simulation.planted.all_bugs import BUGS
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

_TRIED, _WITHOUT = 20, 2


def _finds(seed: int, faults: Faults, bug: type[Plant]) -> bool:
    return bool(run(seed, faults, bug(), PIPELINE).violations)


def test_every_fault_has_a_planted_bug() -> None:
    assert BUGS.keys() == ALL_FAULTS


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_finds_its_planted_bug_alone(fault: Fault) -> None:
    faults = frozenset({fault})
    finding = next((seed for seed in range(_TRIED) if _finds(seed, faults, BUGS[fault])), None)
    assert finding is not None
    assert not run(finding, faults, Plant(), PIPELINE).violations


@pytest.mark.parametrize("fault", Fault)
def test_all_other_faults_together_do_not_find_it(fault: Fault) -> None:
    others = ALL_FAULTS - {fault}
    assert not [seed for seed in range(_WITHOUT) if _finds(seed, others, BUGS[fault])]
