"""Under faults, no interval has more than a limit, and calls are settled as the ledger has them."""

import pytest

from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.gateway import GatewayDriver
from tests.simulation.faults import Fault, Faults
from tests.simulation.planted import gateway
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, GatewayDriver)
_MAX_SEEDS = 8


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_limits_hold_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []


@pytest.mark.parametrize("fault", [Fault.CLOCK_SKEW, Fault.KILLS, Fault.LOST_ANSWERS])
def test_limits_hold_under_each_fault_that_they_may_feel(fault: Fault) -> None:
    outcome = run(1, frozenset({fault}), drivers=DRIVERS)
    assert outcome.violations == []
    assert outcome.struck[fault]


def _find(bug: type[Plant], faults: Faults) -> list[str]:
    runs = (run(seed, faults, bug(), drivers=DRIVERS).violations for seed in range(_MAX_SEEDS))
    return next((list(violations) for violations in runs if violations), [])


@pytest.mark.parametrize(
    ("bug", "faults", "violation"),
    [
        (gateway.SettlesTwice, {Fault.LOST_ANSWERS}, "without a reservation"),
        (gateway.LosesRolls, {Fault.CLOCK_SKEW}, ""),  # in several ways
        (gateway.AllowsTwiceTheLimit, set[Fault](), " used "),
        (gateway.AdmitsRepeatsForFree, {Fault.KILLS}, "forwarded"),
        (gateway.GivesBackLostAnswers, {Fault.LOST_ANSWERS}, "was settled by 0"),
        (gateway.SettlesAfterGivingBack, set[Fault](), "was settled by 0"),
        (gateway.LeavesOpen, {Fault.KILLS}, "still open"),
    ],
)
def test_a_planted_bug_is_found(bug: type[Plant], faults: Faults, violation: str) -> None:
    found = _find(bug, frozenset(faults))
    assert any(violation in each for each in found), found
