"""Under faults, callers are denied exactly while their budgets are used up."""

import pytest

from lambdas.services.release_ended_denies import BrakeWatchdog, WatchdogReport
from tests.simulation.drivers import brake_controller
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.brake import BRAKED
from tests.simulation.drivers.brake_controller import BrakeControllerDriver
from tests.simulation.drivers.brake_watchdog import BrakeWatchdogDriver
from tests.simulation.drivers.budget_builder import BudgetBuilderDriver
from tests.simulation.drivers.driver import Driver
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (
    *PIPELINE,
    BudgetBuilderDriver,
    BrakeControllerDriver,
    BrakeWatchdogDriver,
)


@pytest.mark.parametrize("seed", [1, 8])
def test_callers_are_denied_as_their_budgets_want_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []


def test_a_caller_that_is_not_denied_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brake_controller.BrakeControllerDriver, "run", lambda *_: None)
    violations = run(1, frozenset(), drivers=DRIVERS).violations
    assert any("used, and not denied" in violation for violation in violations)
    assert BRAKED.amount.limit > 0


def test_a_policy_that_someone_attached_and_that_stays_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BrakeWatchdog, "release_ended", lambda *_: WatchdogReport())
    violations = run(1, frozenset(), drivers=(*PIPELINE, BrakeWatchdogDriver)).violations
    assert any("still attached" in violation for violation in violations)
