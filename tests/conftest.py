"""Settings for all tests."""

import os
from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings

from tests.aws import aws

__all__ = ["aws"]

# A developer may have a profile, credentials, an endpoint or a proxy set. Tests see none of them,
# except the proxy on the way to package registries.
for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
_BESIDE_THE_PROXY = {*os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",")}
os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join({*_BESIDE_THE_PROXY, "127.0.0.1"} - {""})

# The time of one example depends on the machine, so that no example has a deadline. A developer's
# run takes a fifth of the examples. Where CI is set, Hypothesis loads its profile `ci`: all of
# them, and the same ones every time; HYPOTHESIS_PROFILE=ci does so on any machine.
settings.register_profile("default", max_examples=20, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or settings.get_current_profile_name())


@pytest.fixture(scope="session", autouse=True)
def parsed_service_models() -> Iterator[None]:
    """Parse the model of an AWS service once; botocore does so in each session, of each test."""
    load_file = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load_file(path))
        yield
