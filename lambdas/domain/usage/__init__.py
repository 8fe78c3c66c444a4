"""Usage per identity, per model and by other fields, added up from calls."""

from lambdas.domain.usage.group_field import GroupField
from lambdas.domain.usage.plain_calls import CallKey, PlainCalls
from lambdas.domain.usage.summary import (
    CallGroup,
    GroupedTotals,
    UsageSummary,
    UsageTotals,
    add_up_totals,
)

__all__ = [
    "CallGroup",
    "CallKey",
    "GroupField",
    "GroupedTotals",
    "PlainCalls",
    "UsageSummary",
    "UsageTotals",
    "add_up_totals",
]
