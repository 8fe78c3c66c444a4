"""Names of policies in metrics. Their number is bounded: each is billed by the month."""

from __future__ import annotations

from lambdas.domain.limit_policies.policy import PolicySet

MAX_COUNTED_POLICIES = 50
"""The policies that have metrics of their own: the first ones of the file."""
OTHER_POLICIES = "__other__"
"""All policies past the bound."""
BUDGETS = "__budget__"
"""All limits that are of no policy, such as those of budgets. Their names may be of people."""
CREDITS = "__credits__"
"""Credits that are exhausted, in whatever scope."""
UNKNOWN_TIER = "__unknown_tier__"
"""Keys whose tier no policy has."""


def name_in_metrics(policies: PolicySet, name: str) -> str:
    """Name a policy as metrics name it, the same in all processes that have the same policies.

    >>> name_in_metrics(PolicySet(), "budget#ana")
    '__budget__'
    """
    names = policies.list_names()
    if name in names[:MAX_COUNTED_POLICIES]:
        return name
    return OTHER_POLICIES if name in names else BUDGETS
