"""Runs one seed: the account, its traffic and its functions, then checks all projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import CRITICAL
from typing import Any, cast
from warnings import catch_warnings, simplefilter

from lambdas.observability import logger
from tests.simulation.account import Account
from tests.simulation.checks.all_checks import PROJECTIONS, find_violations
from tests.simulation.checks.metrics import count_repeated_calls
from tests.simulation.checks.projection import Difference
from tests.simulation.drivers.all_drivers import DRIVERS, PIPELINE
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault, Faults, choose_faults
from tests.simulation.operators import Operator
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.planted.plant import Plant
from tests.simulation.traffic import TRAFFIC, make_traffic
from tests.simulation.world import World

CALLS = 24
"""The calls of a run."""
_NO_BUG = Plant()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        seed: Its seed.
        faults: The faults that were switched on.
        struck: How often each fault was injected.
        violations: What does not hold; empty for a good run.
        lost: Values that are missing in a projection, and were not reported.
        doubled: Calls that metrics have twice, within what interruptions explain.
        recovery: The time until the ledger and the metrics of calls changed no more, from the last
            delivery on, or from the last strike of each fault if that was later.
        fingerprint: A digest of all events and effects: the same for the same seed.
    """

    seed: int
    faults: Faults
    struck: Counter[Fault]
    violations: Sequence[str]
    lost: int
    doubled: int
    recovery: dict[Fault, timedelta]
    fingerprint: str


def run(
    seed: int,
    faults: Faults | None = None,
    plant: Plant = _NO_BUG,
    drivers: Sequence[type[Driver]] | None = None,
    calls: int = CALLS,
) -> Outcome:
    """Run one seed.

    Args:
        seed: All randomness comes from it.
        faults: The faults; `None` for those that the seed chooses.
        plant: A planted bug.
        drivers: The functions to drive; `None` for those that the seed chooses.
        calls: The number of calls.
    """
    world = World(seed, choose_faults(seed) if faults is None else faults)
    account = Account(world, make_traffic(world, calls), plant)
    chosen = choose_drivers(world) if drivers is None else drivers
    with _captured_logs(account):
        started = [driver(account) for driver in chosen]
        known = frozenset(driver.function for driver in (*PIPELINE, *chosen))
        operator = Operator(account, known)
        for driver in started:
            account.functions.handlers[driver.function] = driver
            driver.start()
        operator.start()
        world.plan_outages(TRAFFIC)
        settled = _run_to_the_end(world, account)
    last_delivery = max(package.at for package in account.traffic.packages)
    differences = [
        difference
        for projection in PROJECTIONS
        for difference in projection.compare(account)
        if difference.found != difference.expected
    ]
    return Outcome(
        seed,
        world.faults,
        world.struck,
        [
            *(difference.describe() for difference in differences if difference.is_wrong),
            *find_violations(account),
            *(violation for driver in started for violation in driver.check()),
        ],
        sum(difference.is_lost for difference in differences),
        count_repeated_calls(account),
        {
            fault: max(settled - max(struck, last_delivery), timedelta(0))
            for fault, struck in world.last_struck.items()
        },
        world.fingerprint,
    )


def choose_drivers(world: World) -> Sequence[type[Driver]]:
    """Choose the functions of a run: what counts calls, and some of the others in turn."""
    others = [driver for driver in DRIVERS if driver not in PIPELINE]
    if not others:
        return PIPELINE
    first = world.seed % len(others)
    return [*PIPELINE, *(others + others)[first : first + 2]]


def is_found(outcome: Outcome) -> bool:
    """Say if a run shows that something is wrong."""
    return bool(outcome.violations)


def _run_to_the_end(world: World, account: Account) -> datetime:
    """Run all phases; return the time of the last change of the ledger or of metrics."""
    world.run_until(FAULTS_END)
    world.is_calm = True
    world.run_until(END)
    return account.settled_at


@contextmanager
def _captured_logs(account: Account) -> Iterator[None]:
    """Read metrics from what functions print, and log nothing."""
    level = logger.log_level
    logger.setLevel(CRITICAL)
    try:
        with redirect_stdout(cast("Any", account)), catch_warnings():
            simplefilter("ignore", UserWarning)  # the time of a metric is compared with the clock
            yield
    finally:
        logger.setLevel(level)


__all__ = ["CALLS", "Difference", "Outcome", "choose_drivers", "is_found", "run"]
