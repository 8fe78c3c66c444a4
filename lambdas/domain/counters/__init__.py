"""Exact counters of usage: what changes them, and the cells that sum it."""

from lambdas.domain.counters.labels import UsageLabels
from lambdas.domain.counters.totals import UsageTotals
from lambdas.domain.counters.usage_change import UsageChange

__all__ = ["UsageChange", "UsageLabels", "UsageTotals"]
