"""Scopes of credits as texts: names of accounts for programs, and descriptions for people."""

from __future__ import annotations

import json

from lambdas.domain.budgets import BudgetScope, ScopeField, describe_usage

MAX_SCOPE_BYTES = 1024
"""The bytes of a scope's key in JSON, so that an entry over many scopes fits into an item."""


def scope_key(scope: BudgetScope) -> str:
    """Write a scope as the name of its accounts. The order of names in a condition is no matter.

    >>> scope_key(BudgetScope(project=("chat", "batch")))
    '{"project":["batch","chat"]}'
    """
    conditions = {field.value: sorted({*names}) for field, names in scope.conditions.items()}
    return json.dumps(conditions, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def measure_scope(scope: BudgetScope) -> int:
    """Measure the bytes that the key of a scope takes in an entry, whose JSON has ASCII alone."""
    return len(json.dumps(scope_key(scope)))


def read_scope_key(key: str) -> BudgetScope:
    """Read the scope from the name of its accounts.

    Raises:
        ValueError: The text is no such name.
    """
    conditions = json.loads(key)
    return BudgetScope(**{ScopeField(name).value: tuple(conditions[name]) for name in conditions})


def describe_scope(scope: BudgetScope) -> str:
    """Describe the usage that a grant pays for, such as `project chat`, or `the account`."""
    return describe_usage(read_scope_key(scope_key(scope)))
