"""Every function is driven, with the mapping and the limits that are deployed."""

from pathlib import Path

from cdk.components.failure_destination import FailureDestination
from tests.simulation.drivers import metric_publisher
from tests.simulation.drivers.all_drivers import DRIVERS
from tests.simulation.simulation import choose_drivers
from tests.simulation.world import World

_FUNCTIONS = Path(__file__).parents[2] / "lambdas" / "functions"


def test_every_function_has_a_driver() -> None:
    """A new function needs one: a module in `drivers/`, listed in `all_drivers.py`."""
    functions = {path.parent.name for path in _FUNCTIONS.glob("*/handler.py")}
    assert {driver.function for driver in DRIVERS} == functions


def test_every_driver_runs_in_some_seed() -> None:
    seeds = range(len(DRIVERS))
    chosen = {driver for seed in seeds for driver in choose_drivers(World(seed, frozenset()))}
    assert chosen == {*DRIVERS}


def test_a_batch_grows_as_old_as_deployed() -> None:
    deployed = FailureDestination.max_event_age.to_seconds()
    assert metric_publisher.MAPPING.max_age.total_seconds() == deployed
