"""Compares the cost of observed traffic on other models, and finds savings opportunities."""

from lambdas.domain.reports.comparison.absent_options import ABSENCES, AbsenceReason, AbsentOption
from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.candidates import ModelCost, saved_share
from lambdas.domain.reports.comparison.comparable import COMPARABLE, WINDOWS_FILE
from lambdas.domain.reports.comparison.families import model_family
from lambdas.domain.reports.comparison.lifecycle import LIFECYCLE_FILE
from lambdas.domain.reports.comparison.options import CONDITIONS, OptionKind, SavingsOption
from lambdas.domain.reports.comparison.ports import (
    COMPARISON_PREFIX,
    ComparisonStore,
    InvocationLogs,
    InvocationLogsUnavailableError,
    WeeklyComparison,
)
from lambdas.domain.reports.comparison.report import (
    DAYS_OF_A_MONTH,
    ComparisonReport,
    Coverage,
    ProjectComparison,
    TrafficComparison,
    TrafficObserver,
)
from lambdas.domain.reports.comparison.request_outline import (
    OutlineCache,
    RequestOutline,
    read_outline,
)
from lambdas.domain.reports.comparison.traffic import TrafficMix
from lambdas.domain.reports.comparison.unknowns import UNKNOWNS
from lambdas.domain.reports.comparison.waste import MEANINGS, WasteKey, WasteKind, WasteTotals

__all__ = [
    "ABSENCES",
    "COMPARABLE",
    "COMPARISON_PREFIX",
    "CONDITIONS",
    "DAYS_OF_A_MONTH",
    "LIFECYCLE_FILE",
    "MEANINGS",
    "UNKNOWNS",
    "WINDOWS_FILE",
    "AbsenceReason",
    "AbsentOption",
    "ComparisonReport",
    "ComparisonStore",
    "Coverage",
    "InvocationLogs",
    "InvocationLogsUnavailableError",
    "ModelCost",
    "ObservedCall",
    "OptionKind",
    "OutlineCache",
    "ProjectComparison",
    "RequestOutline",
    "SavingsOption",
    "TrafficComparison",
    "TrafficMix",
    "TrafficObserver",
    "WasteKey",
    "WasteKind",
    "WasteTotals",
    "WeeklyComparison",
    "model_family",
    "read_outline",
    "saved_share",
]
