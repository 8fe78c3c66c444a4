"""The audit compares exact counters with Bedrock's metrics, and alone finds what they never got."""

from lambdas.domain.metrics.catalog import COVERAGE_SHORTFALL, USAGE_MISMATCH
from tests.simulation.account import Account
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.budget_builder import BudgetBuilderDriver
from tests.simulation.drivers.coverage_auditor import CoverageAuditorDriver
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault
from tests.simulation.planted.auditing import ComparesMetricsAlone, FiltersAModel
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

_LATE = frozenset({Fault.EXPIRED_ITERATORS})


def _run_with_audit(seed: int, plant: Plant) -> tuple[Account, BudgetBuilderDriver]:
    """Run without faults; return the account, and the builder with the drift that it found."""
    accounts: list[Account] = []
    builders: list[BudgetBuilderDriver] = []

    class Auditor(CoverageAuditorDriver):
        def __init__(self, account: Account) -> None:
            super().__init__(account)
            accounts.append(account)

    class Builder(BudgetBuilderDriver):
        def __init__(self, account: Account) -> None:
            super().__init__(account)
            builders.append(self)

    drivers: tuple[type[Driver], ...] = (*PIPELINE, Builder, Auditor)
    run(seed, frozenset(), plant, drivers, calls=60)
    return accounts[0], builders[0]


def test_calls_that_the_counter_never_gets_are_found_by_the_audit_alone() -> None:
    account, builder = _run_with_audit(1, FiltersAModel())
    assert account.health[USAGE_MISMATCH.name] > 0
    assert account.health[COVERAGE_SHORTFALL.name] == 0
    assert builder.differences == []
    assert account.topic.count("coverage_auditor", "counts differ")[0] == 1


def test_without_a_bug_the_audit_of_counters_reports_nothing() -> None:
    account, _ = _run_with_audit(1, Plant())
    assert account.health[USAGE_MISMATCH.name] == 0


def test_an_audit_that_leaves_out_counters_is_found_by_its_own_driver_alone() -> None:
    drivers: tuple[type[Driver], ...] = (*PIPELINE, CoverageAuditorDriver)
    bug = ComparesMetricsAlone()
    found = ((seed, run(seed, _LATE, bug, drivers).violations) for seed in range(40))
    seed, violations = next((seed, lines) for seed, lines in found if lines)
    assert all("counters differ, and no audit" in violation for violation in violations)
    assert run(seed, _LATE, drivers=drivers).violations == []
