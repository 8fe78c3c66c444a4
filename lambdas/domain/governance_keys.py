"""The keys of items in the table `Governance`; `budgets.governance_table` lists the items."""

from __future__ import annotations

PARTITION_KEY = "pk"
SORT_KEY = "sk"
EXPIRES_AT = "expires_at"
"""The attribute by which Time to Live deletes items, in all tables."""
BUDGETS = "budgets"
"""The partition of all budgets, which one query reads."""
REVISION_KEY = "revision"
"""The sort key of the item with the number of their last write, and its attribute."""
API_KEYS = "api-keys"
"""The partition of API keys."""
POLICIES = "policies"
"""The partition of the policies of the gateway."""
LIMIT_POLICIES = "limits"
"""The sort key of the item with all policies."""
