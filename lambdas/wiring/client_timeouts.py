"""For how long functions wait for AWS before they give up and are started again."""

from __future__ import annotations

from botocore.config import Config

PROMPT = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)
"""For clients: one call with all its tries takes less than `LONGEST_CALL_MS`."""
LONGEST_CALL_MS = 45_000
"""With less time left than that, nothing more is begun."""
BRIEF = Config(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
"""For clients of what calls need not be counted: all questions of one `TagDirectory.look_up` take
less than `LONGEST_CALL_MS` together, so that slow answers cost tags and no calls."""
