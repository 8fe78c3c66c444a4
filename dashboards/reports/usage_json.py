"""Writes the usage as JSON, for programs: see `docs/reports.md`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from dashboards.reports.covered_periods import CoveredPeriods
from dashboards.reports.local_meter import LocalMeter
from dashboards.reports.month_differences import DayRange, MonthComparison, compare_months
from lambdas.adapters.report_layouts.exact_json import exact_json
from lambdas.domain.usage import GroupField, UsageSummary, UsageTotals

CONTRACT_VERSION = 1
_KEYS = {field: field.value for field in GroupField} | {
    GroupField.ACCOUNT: "account_id",
    GroupField.IDENTITY: "identity_arn",
    GroupField.MODEL: "model_id",
}
START_OF_SUMMARY = f'{{"version": {CONTRACT_VERSION},\n "records": '


def summary_json(
    meter: LocalMeter,
    by: Sequence[GroupField] = (),
    *,
    now: datetime,
    budgets: Iterator[dict[str, Any]] | None = None,
    credit_rows: Iterator[dict[str, Any]] | None = None,
) -> Iterator[str]:
    """Write the summary as JSON, version 1 of the contract in `docs/reports.md`, row by row.

    Args:
        meter: The meter.
        by: The fields of further rows, `groups`.
        now: The time, UTC. A month or day that it is in has not ended.
        budgets: The rows of budgets; `None` without a file of them.
        credit_rows: The rows of credits; `None` without grants.
    """
    yield START_OF_SUMMARY + json.dumps(meter.record_counts())
    unpriced = {reason.value: calls for reason, calls in sorted((+meter.summary.unpriced).items())}
    yield f',\n "files": {json.dumps(files_json(meter))}'
    yield f',\n "unpriced": {json.dumps(unpriced)}'
    yield f',\n "coverage": {json.dumps(_coverage_json(meter))}'
    rejected = (
        {"source": record.source, "line": record.line, "code": record.reason.value}
        for record in meter.quarantine
    )
    parts = [
        ("by_identity", _rows(meter.summary, (GroupField.IDENTITY,))),
        ("by_model", _rows(meter.summary, (GroupField.MODEL,))),
        ("rejected", rejected),
    ]
    if by:
        coverage = meter.coverage()
        periods = coverage and CoveredPeriods(coverage.start, coverage.end, now)
        parts.append(("groups", _rows(meter.summary, by, periods)))
        if coverage and GroupField.MONTH in by:
            comparisons = compare_months(meter.summary, coverage, by, now)
            parts.append(("differences", (_comparison_json(by, part) for part in comparisons)))
    if budgets is not None:
        parts.append(("budgets", budgets))
    if credit_rows is not None:
        parts.append(("credits", credit_rows))
    for part, rows in parts:
        yield f',\n "{part}": ['
        separator = "\n  "
        for row in rows:
            yield separator + exact_json(row)
            separator = ",\n  "
        yield "]"
    yield "}\n"


def files_json(meter: LocalMeter) -> dict[str, Any]:
    """The files that were read and that were not, as both JSON contracts have them."""
    return {
        "read": meter.files_read,
        "skipped": [
            {"reason": reason.value, "files": files, "examples": list(examples)}
            for reason, files, examples in meter.skipped
        ],
    }


def _coverage_json(meter: LocalMeter) -> dict[str, Any] | None:
    coverage = meter.coverage()
    return coverage and {
        "start": coverage.start.isoformat(),
        "end": coverage.end.isoformat(),
        "account_ids": list(coverage.account_ids),
        "regions": list(coverage.regions),
    }


def _rows(
    summary: UsageSummary, by: Sequence[GroupField], periods: CoveredPeriods | None = None
) -> Iterator[dict[str, Any]]:
    for values, totals in summary.group_by(*by):
        yield {
            **dict(zip(map(_KEYS.__getitem__, by), values, strict=True)),
            **_period_json(periods, dict(zip(by, values, strict=True))),
            "invocations": totals.invocations,
            "invocation_errors": totals.invocation_errors,
            "input_tokens": totals.input_tokens,
            "cache_read_tokens": totals.cache_read_tokens,
            "cache_write_tokens": totals.cache_write_tokens,
            "output_tokens": totals.output_tokens,
            "total_tokens": totals.total_tokens,
            "quota_tokens": totals.quota_tokens,
            "failed_tokens": totals.failed_tokens,
            "records_missing_counts": totals.records_missing_counts,
            "records_missing_output": totals.records_missing_output,
            "ambiguous_invocations": totals.ambiguous_invocations,
            "unverified_invocations": totals.unverified_invocations,
            "cost_usd": totals.cost_usd,
            "unpriced_invocations": totals.unpriced_invocations,
            "assumed_price_invocations": totals.assumed_price_invocations,
            "assumed_cost_usd": totals.assumed_cost_usd,
        }


def _comparison_json(by: Sequence[GroupField], comparison: MonthComparison) -> dict[str, Any]:
    fields = [field for field in by if not field.is_time]
    return {
        "before": _days_json(comparison.before),
        "after": _days_json(comparison.after),
        "rows": [
            {
                **dict(zip(map(_KEYS.__getitem__, fields), difference.values, strict=True)),
                "difference_usd": difference.usd,
                "before": _usage_json(difference.before),
                "after": _usage_json(difference.after),
            }
            for difference in comparison.differences
        ],
    }


def _days_json(days: DayRange) -> dict[str, str]:
    return {
        "month": days.month,
        "first_day": days.first.isoformat(),
        "last_day": days.last.isoformat(),
    }


def _usage_json(totals: UsageTotals | None) -> dict[str, Any] | None:
    return (
        None
        if totals is None
        else {
            "invocations": totals.invocations,
            "total_tokens": totals.total_tokens,
            "cost_usd": totals.cost_usd,
            "unpriced_invocations": totals.unpriced_invocations,
            "assumed_price_invocations": totals.assumed_price_invocations,
        }
    )


def _period_json(
    periods: CoveredPeriods | None, values: dict[GroupField, str]
) -> dict[str, str | bool]:
    """The covered part of the row's period: of its day, or else of its month."""
    for field in (GroupField.DAY, GroupField.MONTH):
        if periods is not None and field in values:
            period = periods.find(field, values[field])
            return {
                "first_day": period.first.isoformat(),
                "last_day": period.last.isoformat(),
                "is_partial": period.is_partial,
            }
    return {}
