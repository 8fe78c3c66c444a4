"""Runs inside the emulator's process: MiniStack, and every addition to it, each with its reason.

Additions reach into MiniStack's own functions, where its API is not enough. That holds for one
version alone, and on any other nothing starts.
"""

MINISTACK_VERSION = "1.5.33"
"""The version that the additions were written for and tested with."""
