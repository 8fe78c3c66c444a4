"""The summary of a week as JSON, for programs: `docs/weekly-summary.schema.json` is its schema."""

from __future__ import annotations

from typing import Any, TypeAlias

from lambdas.domain.reports.weekly.summary import WeeklySummary
from lambdas.domain.reports.weekly.unusual_days import group_anomalies
from lambdas.domain.usage import UsageTotals
from lambdas.domain.words import cut, exact_text

SummaryDetail: TypeAlias = dict[str, Any]
DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
_MAX_NAME_LETTERS = 300


def write_summary_detail(summary: WeeklySummary) -> SummaryDetail:
    """Write the totals of a week and its largest names. Costs are text with all their digits."""
    reported = summary.reported
    return {
        "version": DETAIL_VERSION,
        "week": reported.name,
        "first_day": reported.first_day.isoformat(),
        "last_day": reported.last_day.isoformat(),
        "usage": _write_totals(summary.week),
        "usage_before": _write_totals(summary.before),
        "largest": {
            kind.value: [
                {"name": cut(usage.name, _MAX_NAME_LETTERS), **_write_totals(usage.week)}
                for usage in ranking.largest
            ]
            for kind, ranking in summary.rankings.items()
        },
        "unusual_days": len(group_anomalies(summary.anomalies)),
    }


def _write_totals(totals: UsageTotals) -> SummaryDetail:
    cost = totals.cost_usd
    return {
        "calls": totals.invocations,
        "failed_calls": totals.invocation_errors,
        "total_tokens": totals.total_tokens,
        "cost_usd": None if cost is None else exact_text(cost),
        "unpriced_calls": totals.unpriced_invocations,
    }
