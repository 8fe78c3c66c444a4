"""Compares the meter's count with Bedrock's own: missing, surplus and unlogged calls."""

from lambdas.domain.completeness.audit_detail import (
    ALL_MODELS,
    MAX_MODELS_READ,
    is_by_model,
    is_hour_by_model,
)
from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.completeness.coverage import (
    AUDITS_RUNNING,
    Comparison,
    CoverageReport,
    ModelCoverage,
    compare,
    metered_model_id,
)
from lambdas.domain.completeness.messages import coverage_notice, mismatch_notice
from lambdas.domain.completeness.metric_reader import MetricReader, MetricReadError
from lambdas.domain.completeness.mismatch import Mismatch, MismatchReport, SettledHour
from lambdas.domain.completeness.own_series import OwnSeries, max_series
from lambdas.domain.completeness.quantities import (
    BEDROCK_METRICS,
    MANTLE_METRICS,
    OWN_METRICS,
    MetricNames,
    Quantity,
    Totals,
    merge_models,
    read_totals,
)

__all__ = [
    "ALL_MODELS",
    "AUDITS_RUNNING",
    "BEDROCK_METRICS",
    "MANTLE_METRICS",
    "MAX_MODELS_READ",
    "OWN_METRICS",
    "AuditWindow",
    "Comparison",
    "CoverageReport",
    "MetricNames",
    "MetricReadError",
    "MetricReader",
    "Mismatch",
    "MismatchReport",
    "ModelCoverage",
    "OwnSeries",
    "Quantity",
    "SettledHour",
    "Totals",
    "compare",
    "coverage_notice",
    "is_by_model",
    "is_hour_by_model",
    "max_series",
    "merge_models",
    "metered_model_id",
    "mismatch_notice",
    "read_totals",
]
