"""What observed traffic would cost on other models, and where money is lost."""

from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.ports import (
    COMPARISON_PREFIX,
    InvocationLogs,
    InvocationLogsUnavailableError,
)
from lambdas.domain.reports.comparison.report import ComparisonReport, TrafficObserver
from lambdas.domain.reports.comparison.report_json import START_OF_REPORT, report_json
from lambdas.domain.reports.comparison.report_tables import plain_text, report_tables
from lambdas.domain.reports.comparison.request_outline import (
    OutlineMemory,
    RequestOutline,
    read_outline,
)

__all__ = [
    "COMPARISON_PREFIX",
    "START_OF_REPORT",
    "ComparisonReport",
    "InvocationLogs",
    "InvocationLogsUnavailableError",
    "ObservedCall",
    "OutlineMemory",
    "RequestOutline",
    "TrafficObserver",
    "plain_text",
    "read_outline",
    "report_json",
    "report_tables",
]
