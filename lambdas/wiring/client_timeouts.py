"""Timeouts and retries for AWS clients, and the time that a function has left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.config import Config

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PROMPT = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)
"""For clients: one call with all its attempts takes less than `MAX_CALL_MS`."""
MAX_CALL_MS = 45_000
"""With less time left than that, no further step starts."""
BRIEF = Config(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
"""For clients that counting does not depend on: all requests of one `TagDirectory.look_up` together
take less than `MAX_CALL_MS`. Slow answers then lose tags, not calls."""

ONCE = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1}
)
"""For clients that a call of the gateway waits for, and can go on without."""


def time_check(context: LambdaContext, needed_ms: int = MAX_CALL_MS) -> Callable[[], bool]:
    """Make a check that an invocation has enough time left to begin something."""
    return lambda: context.get_remaining_time_in_millis() > needed_ms
