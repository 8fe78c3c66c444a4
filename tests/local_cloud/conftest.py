"""One emulator for all its tests; each test makes its own resources under its own names."""

from collections.abc import Iterator

import pytest

from cdk.local_cloud.cloud import LocalCloud, open_local_cloud


@pytest.fixture(scope="package")
def cloud() -> Iterator[LocalCloud]:
    with open_local_cloud() as local_cloud:
        yield local_cloud
