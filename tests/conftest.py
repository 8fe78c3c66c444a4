"""Settings for all tests."""

import os

from hypothesis import settings

from tests.aws import aws

__all__ = ["aws"]

# Whoever runs the tests may have a profile, credentials, an endpoint or a proxy of their own: no
# test sees them, but for the proxy on the way to package registries.
for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
_BESIDE_THE_PROXY = {*os.environ.get("NO_PROXY", os.environ.get("no_proxy", "")).split(",")}
os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join({*_BESIDE_THE_PROXY, "127.0.0.1"} - {""})

# How long an example takes says more of the machine than of the code. In CI, Hypothesis' own
# profile holds: the same examples every time.
settings.register_profile("any-machine", settings(deadline=None))
settings.load_profile("any-machine")
