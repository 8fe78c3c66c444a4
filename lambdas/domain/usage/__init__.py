"""Usage per identity and per model, added up from calls."""

from lambdas.domain.usage.plain_calls import CallKey, PlainCalls
from lambdas.domain.usage.summary import CallGroup, UsageSummary, UsageTotals, add_up_totals

__all__ = [
    "CallGroup",
    "CallKey",
    "PlainCalls",
    "UsageSummary",
    "UsageTotals",
    "add_up_totals",
]
