"""Names in the ledger's table that its stack, its writers and its stream's filter share."""

from __future__ import annotations

PARTITION_KEY = "pk"
EXPIRES_AT = "expires_at"
CALL_PREFIX = "call#"
"""What the key of every call starts with; what else lies in the table has other keys."""
WATCH_KEY = "watch#invocation-logging"
"""The key of what a watch over invocation logging has found."""
