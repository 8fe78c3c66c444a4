"""Pauses between attempts of a call that AWS may accept later."""

from __future__ import annotations

import random
from collections.abc import Callable

_FIRST_SECONDS = 0.05


def back_off(attempt: int, pause: Callable[[float], None]) -> None:
    """Wait twice as long before each try, with jitter; not before the first one, which is 0."""
    if attempt:
        longest = _FIRST_SECONDS * 2**attempt
        pause(random.uniform(longest / 2, longest))  # noqa: S311  # jitter
