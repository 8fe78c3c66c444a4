"""One emulator for all tests of it; each test makes what it needs under names of its own."""

from collections.abc import Iterator

import pytest

from cdk.local_cloud.cloud import LocalCloud, open_local_cloud


@pytest.fixture(scope="package")
def cloud() -> Iterator[LocalCloud]:
    with open_local_cloud() as local_cloud:
        yield local_cloud
