"""Notices of audits: the models, the hours and the amounts that differ."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.domain.alerts import MAX_LINES, Notice, NoticeKind, add_event, list_lines
from lambdas.domain.completeness.audit_detail import ALL_MODELS
from lambdas.domain.completeness.coverage import Comparison, CoverageReport, ModelCoverage
from lambdas.domain.completeness.mismatch import Mismatch, MismatchReport
from lambdas.domain.completeness.quantities import Quantity
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.domain.times import write_seconds
from lambdas.domain.words import list_first

_ADVICE = (
    "First check the alarms on rejected records, failing functions and log delivery, then run make"
    " doctor. When the cause is fixed, run make replay: it counts what the log group still has."
)
_TOO_MANY_MODELS = (
    "There are so many models and inference profiles that most audits compare only the totals of"
    " the account. The function's log names models when they are compared."
)
_SILENT_ADVICE = (
    "If the alarm stays in ALARM, the audits are not reporting to CloudWatch: check that the log"
    " group of CoverageAuditor exists. Runbook: docs/runbooks/Coverage.md in the Bedrock Meter"
    " repository."
)
_MISMATCH_ADVICE = (
    "Surplus calls or tokens: forged records are likely. Missing ones: records were lost or changed"
    " before the meter read them. Runbook: docs/runbooks/UsageMismatch.md in the Bedrock Meter"
    " repository."
)
_METER_COUNTED, _COUNTERS_HAVE = "the meter counted", "the counters have"
_ONLY_METRICS = "The exact counters of budgets agree with Bedrock's: only metrics differ."
_ONLY_COUNTERS = "The meter's metrics agree with Bedrock's: only exact counters differ."
_COUNTERS_ADVICE = (
    "Budgets are evaluated with exact counters. Check the alarms on UsageCounter. Runbook:"
    " docs/runbooks/UsageMismatch.md in the Bedrock Meter repository."
)


def coverage_notice(report: CoverageReport) -> Notice:
    """Name the models with missing calls, or say that no calls are missing."""
    start, is_short = write_seconds(report.window.start), str(report.is_short)
    notice = _write_coverage(report)
    return add_event(notice, NoticeKind.COVERAGE, start, is_short, at=report.window.end)


def mismatch_notice(report: MismatchReport) -> Notice:
    """Describe differences from Bedrock's own count, or their end."""
    start, end = report.later.window.start, report.later.window.end
    cause = (write_seconds(start), str(report.is_mismatch))
    return add_event(_write_mismatch(report), NoticeKind.USAGE_MISMATCH, *cause, at=end)


def _write_coverage(report: CoverageReport) -> Notice:
    start, end = report.window.start, report.window.end
    period = f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    if not report.is_short:
        return Notice(
            "Bedrock Meter: no calls are missing any more",
            f"For the hour {period}, the meter has now counted all but {report.calls.missing:,} of"
            f" Bedrock's {report.calls.bedrock:,} calls. {_SILENT_ADVICE}",
        )
    lines = [
        f"For the hour {period}, Bedrock Meter has counted {_covered(report.calls)}.",
        *list_lines(_models(report)),
        _ADVICE,
    ]
    return Notice("Bedrock Meter: calls are missing", "\n".join(lines))


def _write_mismatch(report: MismatchReport) -> Notice:
    start, end = report.earlier.window.start, report.later.window.end
    period = f"from {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
    found, counted = report.mismatches, report.counter_mismatches
    if not report.is_mismatch:
        return Notice(
            "Bedrock Meter: the counts agree with Bedrock's again",
            f"In the two hours {period}, the counts agree within the tolerance. {_SILENT_ADVICE}",
        )
    lines = list[str]()
    if found:
        side = "metrics" if report.has_counters else "counts"
        lines.append(
            f"In both hours {period}, the meter's {side} differ from Bedrock's. In the later hour:"
        )
    lines += list_lines([_difference(*difference) for difference in found.items()])
    if counted:
        lines.append(
            f"In both hours {period}, the exact counters of budgets differ from Bedrock's."
            " In the later hour:"
        )
    lines += list_lines(
        [_difference(*difference, _COUNTERS_HAVE) for difference in counted.items()]
    )
    if report.has_counters and bool(found) != bool(counted):
        lines.append(_ONLY_METRICS if found else _ONLY_COUNTERS)
    if uncounted := report.uncounted_calls:
        named = [f"{model_id} ({calls:,})" for model_id, calls in uncounted.items()]
        lines.append(f"Calls without counts, not compared: {list_first(named, MAX_LINES)}.")
    lines += _forgeries(report, period)
    if ALL_MODELS in {mismatch.model_id for mismatch in (*found, *counted)}:
        lines.append(_TOO_MANY_MODELS)
    lines.append(_COUNTERS_ADVICE if counted and not found else _MISMATCH_ADVICE)
    return Notice("Bedrock Meter: the counts differ from Bedrock's", "\n".join(lines))


def _forgeries(report: MismatchReport, period: str) -> Iterator[str]:
    if unknown := report.unknown_models:
        yield (
            f"In the two hours {period}, the meter counted calls of {len(unknown)} models that"
            f" Bedrock did not count: {list_first(unknown, MAX_LINES)}. They take up the slots of"
            " real models (max_models) for the rest of the month."
        )
    if report.exceeded_tolerance is not None:
        yield (
            f"More than {report.exceeded_tolerance} models have metrics in the namespace"
            f" {NAMESPACE}. The meter publishes fewer, so something else publishes there. Only"
            " models that Bedrock reports are compared."
        )


def _difference(mismatch: Mismatch, compared: Comparison, counted: str = _METER_COUNTED) -> str:
    if mismatch.quantity is Quantity.UNCOUNTED_CALLS:
        return (
            f"{mismatch.model_id}: {compared.metered:,} of {compared.bedrock:,} calls have no"
            " counts, though Bedrock counts tokens of the model"
        )
    amount = f"{compared.surplus:,}" if mismatch.is_surplus else f"{compared.missing:,}"
    direction = "surplus" if mismatch.is_surplus else "missing"
    return (
        f"{mismatch.model_id}: {amount} {mismatch.quantity} {direction}"
        f" ({counted} {compared.metered:,}, Bedrock {compared.bedrock:,})"
    )


def _models(report: CoverageReport) -> list[str]:
    # Where each model misses a few calls, no single one may be short.
    models = report.short_models or [model for model in report.models if model.calls.missing]
    return [f"{model.model_id}: {_covered(model.calls)}{_details(model)}" for model in models]


def _covered(calls: Comparison) -> str:
    # Rounded down: only full coverage is 100%.
    percent = calls.covered * 10_000 // calls.bedrock / 100
    return (
        f"{calls.covered:,} of {calls.bedrock:,} calls ({percent:.2f}%);"
        f" {calls.missing:,} are missing"
    )


def _details(model: ModelCoverage) -> str:
    missing = [
        f"{comparison.missing:,} {quantity}"
        for quantity, comparison in model.tokens.items()
        if comparison.missing
    ]
    tokens = f", with {', '.join(missing)}" if missing else ""
    # Where Bedrock's figure has failed calls in it, this is why they seem to be missing.
    failed = (
        f"; {model.failed_calls:,} failed calls are counted separately"
        if model.failed_calls
        else ""
    )
    return tokens + failed
