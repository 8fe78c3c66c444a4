"""Waiting for what happens in another process."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_SECONDS = 60


def wait_for(look: Callable[[], Found]) -> Found:
    """Look until there is something; a timeout names what was there."""
    deadline = time.monotonic() + _SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {_SECONDS} seconds, and there is {found!r}"
        time.sleep(0.05)
    return found
