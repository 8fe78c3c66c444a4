"""The number of budgets that can apply to the same call, which is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.scope_field import ScopeField


def count_budgets_of_a_call(budgets: Collection[Budget]) -> int:
    """Count the budgets that can apply to one call at most.

    Of budgets that name one value of the same label each, such as a project, a call meets those of
    one value alone. Patterns are taken to match every call.
    """
    return min((_count_by(field, budgets) for field in ScopeField), default=0)


def _count_by(field: ScopeField, budgets: Collection[Budget]) -> int:
    values = Counter(budget.scope.named_value(field) for budget in budgets)
    unnamed = values.pop(None, 0)
    return unnamed + max(values.values(), default=0)
