"""Every function is driven, with the mapping and the limits that are deployed."""

from pathlib import Path

import pytest

from cdk.components.failure_destination import FailureDestination
from cdk.config.resource_names import WEBHOOK_DELIVERIES, WEBHOOK_EVENTS
from tests.infrastructure.synthesis import deployment, resources
from tests.simulation.cloud.queue import QueueMapping
from tests.simulation.drivers import metric_publisher, webhook_router, webhook_sender
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


@pytest.mark.parametrize(
    ("queue_name", "mapping"),
    [(WEBHOOK_EVENTS, webhook_router.MAPPING), (WEBHOOK_DELIVERIES, webhook_sender.MAPPING)],
)
def test_queues_are_mapped_as_deployed(queue_name: str, mapping: QueueMapping) -> None:
    template = deployment("everything").webhooks
    ((queue_id, queue),) = (
        (logical_id, queue)
        for logical_id, queue in resources(template, "AWS::SQS::Queue").items()
        if queue["QueueName"] == queue_name
    )
    (source,) = (
        source
        for source in resources(template, "AWS::Lambda::EventSourceMapping").values()
        if source["EventSourceArn"]["Fn::GetAtt"][0] == queue_id
    )
    assert mapping.batch_size == source["BatchSize"]
    assert mapping.visibility_timeout.total_seconds() == queue["VisibilityTimeout"]
    assert mapping.max_receives == queue["RedrivePolicy"]["maxReceiveCount"]
