"""One deployment for all tests that do not change it."""

from collections.abc import Iterator

import pytest

from cdk.local_cloud.cloud import open_local_cloud
from tests.end_to_end.deployed import Deployed, bootstrap, make, settings

WARNING, CRITICAL = 1_000, 100_000


@pytest.fixture(scope="package")
def deployed() -> Iterator[Deployed]:
    with open_local_cloud() as cloud:
        bootstrap(cloud)
        thresholds = {"warning": WARNING, "critical": CRITICAL}
        make(cloud, "deploy", settings(identity_thresholds=thresholds))
        yield Deployed(cloud)
