"""Runs inside the emulator's process: MiniStack, and every addition to it, each with its reason.

Where MiniStack's API is not enough, additions replace its internal functions. They fit one version
only, so the emulator refuses to start with any other.
"""

MINISTACK_VERSION = "1.5.33"
"""The version that the additions were written for and tested with."""
