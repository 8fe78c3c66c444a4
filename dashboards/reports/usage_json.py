"""Writes the usage as JSON, for programs: see `docs/reports.md`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards.reports.local_meter import LocalMeter
from lambdas.adapters.report_layouts.exact_json import exact_json
from lambdas.domain.usage import UsageTotals

CONTRACT_VERSION = 1
START_OF_SUMMARY = f'{{"version": {CONTRACT_VERSION},\n "records": '


def summary_json(meter: LocalMeter) -> Iterator[str]:
    """Write the summary as JSON, version 1 of the contract in `docs/reports.md`, row by row."""
    yield START_OF_SUMMARY + json.dumps(meter.record_counts())
    unpriced = {reason.value: calls for reason, calls in sorted((+meter.summary.unpriced).items())}
    yield f',\n "files": {json.dumps(files_json(meter))}'
    yield f',\n "unpriced": {json.dumps(unpriced)}'
    yield f',\n "coverage": {json.dumps(_coverage_json(meter))}'
    rejected = (
        {"source": record.source, "line": record.line, "code": record.reason.value}
        for record in meter.quarantine
    )
    for part, rows in (
        ("by_identity", _rows(meter.summary.by_identity(), "identity_arn")),
        ("by_model", _rows(meter.summary.by_model(), "model_id")),
        ("rejected", rejected),
    ):
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


def _rows(ranking: list[tuple[str, UsageTotals]], key_name: str) -> Iterator[dict[str, Any]]:
    for key, totals in ranking:
        yield {
            key_name: key,
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
