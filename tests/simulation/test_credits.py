"""Under faults, usage is booked on credits as it is counted, and once."""

import pytest

from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.credit_booker import CreditBookerDriver
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault, Faults
from tests.simulation.planted import booking
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, CreditBookerDriver)
_KILLS = frozenset({Fault.KILLS})


@pytest.mark.parametrize("seed", [1, 8, 17])
def test_books_are_as_counted_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []


@pytest.mark.parametrize(
    ("bug", "faults", "seeds"),
    [
        (booking.ChecksNoVersions, _KILLS, range(4)),
        (booking.NotesEachHourOnce, frozenset(), range(8)),
        (booking.RemovesNotesFirst, _KILLS, range(4)),
        (booking.WritesInTwoSteps, _KILLS, range(8, 12)),
    ],
)
def test_a_planted_bug_is_found(bug: type[Plant], faults: Faults, seeds: range) -> None:
    finding = next((seed for seed in seeds if run(seed, faults, bug(), DRIVERS).violations), None)
    assert finding is not None
    assert run(finding, faults, Plant(), DRIVERS).violations == []


def test_a_booker_that_does_not_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CreditBookerDriver, "run", lambda *_: None)
    violations = run(1, frozenset(), drivers=DRIVERS).violations
    assert any("still to be booked" in violation for violation in violations)
