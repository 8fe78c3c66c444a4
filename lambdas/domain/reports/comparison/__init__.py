"""What observed traffic would cost on other models, and where money is lost."""

from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.ports import (
    COMPARISON_PREFIX,
    ComparisonStore,
    InvocationLogs,
    InvocationLogsUnavailableError,
    WeeklyComparison,
)
from lambdas.domain.reports.comparison.report import ComparisonReport, TrafficObserver
from lambdas.domain.reports.comparison.request_outline import (
    OutlineMemory,
    RequestOutline,
    read_outline,
)

__all__ = [
    "COMPARISON_PREFIX",
    "ComparisonReport",
    "ComparisonStore",
    "InvocationLogs",
    "InvocationLogsUnavailableError",
    "ObservedCall",
    "OutlineMemory",
    "RequestOutline",
    "TrafficObserver",
    "WeeklyComparison",
    "read_outline",
]
