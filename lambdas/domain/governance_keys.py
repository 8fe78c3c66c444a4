"""The keys of items in the table `Governance`; `budgets.governance_table` lists the items."""

from __future__ import annotations

PARTITION_KEY = "pk"
SORT_KEY = "sk"
EXPIRES_AT = "expires_at"
"""The attribute by which Time to Live deletes items, in all tables."""
API_KEYS = "api-keys"
"""The partition of API keys."""
POLICIES = "policies"
"""The partition of the policies of the gateway."""
LIMIT_POLICIES = "limits"
"""The sort key of the item with all policies."""
