"""Names in the table of calls, `UsageLedger`. The meter's own state lies in a table of its own."""

from __future__ import annotations

PARTITION_KEY = "pk"
"""The key of an item in both tables; in that of calls it is the call's."""
EXPIRES_AT = "expires_at"
"""The attribute by which Time to Live deletes items of both tables."""
