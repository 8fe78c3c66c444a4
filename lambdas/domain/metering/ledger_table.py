"""Names in the ledger's table that its stack, its writers and its stream's filter share."""

from __future__ import annotations

PARTITION_KEY = "pk"
EXPIRES_AT = "expires_at"
CALL_PREFIX = "call#"
"""What the key of every call starts with; what else lies in the table has other keys."""
UNPRICED_PREFIX = "unpriced#"
"""What the key of a note starts with that says that a call was published without its cost."""
UNPRICED_INDEX = "Unpriced"
"""The index of the notes whose calls still have no cost, and of nothing else."""
UNPRICED_MODEL = "unpriced_model"
"""What such a note has, and no other item: the model that had no price."""
TAGS_PREFIX = "tags#"
"""What the key starts with of what is known of a resource's tags; its ARN follows."""
WATCH_KEY = "watch#invocation-logging"
"""The key of what a watch over invocation logging has found."""
