"""One deployment for all tests that do not change it.

It has all optional stacks, functions and dashboards, and every policy is evaluated.
"""

from collections.abc import Iterator

import pytest

from cdk.config import stack_names
from cdk.local_cloud.cloud import open_local_cloud
from cdk.local_cloud.price_list import PriceListServer, open_price_list
from tests.end_to_end.denied import leave_denied, list_left
from tests.end_to_end.deployed import Deployed, bootstrap, context, make, settings
from tests.unlogged import BUCKET

WARNING, CRITICAL = 1_000, 100_000
EXTRA_DASHBOARDS = ["cost", "model_comparison", "throttling"]


@pytest.fixture(scope="package")
def price_list() -> Iterator[PriceListServer]:
    with open_price_list() as price_list:
        yield price_list


def everything(price_list: PriceListServer) -> dict[str, object]:
    """The settings that switch on all that is optional, with low thresholds."""
    return {
        "batch_output_buckets": [BUCKET],
        "brake": True,
        "brake_sessions": True,
        "contributor_insights": True,
        "credits": True,
        "customer_keys": True,
        "extra_dashboards": EXTRA_DASHBOARDS,
        "gateway": True,
        "governance": True,
        "identity_thresholds": {"warning": WARNING, "critical": CRITICAL},
        "price_list_url": price_list.url,
        "webhooks": True,
        "weekly_summary": True,
    }


@pytest.fixture(scope="package")
def deployed(price_list: PriceListServer) -> Iterator[Deployed]:
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        bootstrap(
            cloud,
            governance="true",
            brake="true",
            brake_sessions="true",
            gateway="true",
            webhooks="true",
        )
        make(cloud, "deploy", settings(**everything(price_list)))
        deployed = Deployed(cloud, context(**everything(price_list)))
        assert {stack for stack in stack_names.ALL if deployed.deployment.status(stack)} == {
            *stack_names.ALL
        }
        yield deployed
        leave_denied(cloud)
        cloudformation = cloud.client("cloudformation")
        for stack in reversed(stack_names.ALL):
            if stack == stack_names.STORAGE:
                continue  # as make destroy does
            cloudformation.delete_stack(StackName=stack)
            cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=stack, WaiterConfig={"Delay": 1}
            )
        live = cloud.client("bedrock").get_model_invocation_logging_configuration()
        assert not live.get("loggingConfig")
        assert list_left(cloud) == []
