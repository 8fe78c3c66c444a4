"""Settings for all tests."""

from hypothesis import settings

from tests.aws import aws

__all__ = ["aws"]

# How long an example takes says more of the machine than of the code. In CI, Hypothesis' own
# profile holds: the same examples every time.
settings.register_profile("any-machine", settings(deadline=None))
settings.load_profile("any-machine")
