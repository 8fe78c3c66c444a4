"""Waits for events in another process."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_SECONDS = 60


def wait_for(look: Callable[[], Found]) -> Found:
    """Poll until there is a result; a timeout shows the last one."""
    deadline = time.monotonic() + _SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {_SECONDS} seconds, and there is {found!r}"
        time.sleep(0.05)
    return found
