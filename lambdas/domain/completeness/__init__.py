"""Whether the meter has counted all that Bedrock has counted, and what nobody can attribute."""

from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.completeness.coverage import (
    AUDITS_RUNNING,
    Comparison,
    CoverageReport,
    ModelCoverage,
    compare,
    metered_model_id,
)
from lambdas.domain.completeness.figures import (
    BEDROCK_METRICS,
    BEDROCK_NAMESPACE,
    MANTLE_METRICS,
    MANTLE_NAMESPACE,
    OWN_METRICS,
    Figures,
    MetricNames,
    Quantity,
    merge_models,
    read_figures,
)
from lambdas.domain.completeness.metric_reader import FiguresUnavailableError, MetricReader
from lambdas.domain.completeness.wording import coverage_notice

__all__ = [
    "AUDITS_RUNNING",
    "BEDROCK_METRICS",
    "BEDROCK_NAMESPACE",
    "MANTLE_METRICS",
    "MANTLE_NAMESPACE",
    "OWN_METRICS",
    "AuditWindow",
    "Comparison",
    "CoverageReport",
    "Figures",
    "FiguresUnavailableError",
    "MetricNames",
    "MetricReader",
    "ModelCoverage",
    "Quantity",
    "compare",
    "coverage_notice",
    "merge_models",
    "metered_model_id",
    "read_figures",
]
