"""The summary of a week that people get: costs, who and what caused them, what is unusual."""

from lambdas.domain.reports.weekly.anomalies import (
    MEDIAN_DAYS,
    MIN_FACTOR,
    MIN_USD,
    CostAnomaly,
    find_anomalies,
)
from lambdas.domain.reports.weekly.messages import weekly_notice
from lambdas.domain.reports.weekly.ports import SummaryDeliveries
from lambdas.domain.reports.weekly.summary import (
    MAX_RANKED,
    NamedAnomaly,
    Ranking,
    WeeklySummary,
    summarize,
)
from lambdas.domain.reports.weekly.tally import (
    OTHER_NAMES,
    NamedUsage,
    NameKind,
    WeeklyTally,
)
from lambdas.domain.reports.weekly.week import LOOK_BACK, SETTLING, ReportedWeek

__all__ = [
    "LOOK_BACK",
    "MAX_RANKED",
    "MEDIAN_DAYS",
    "MIN_FACTOR",
    "MIN_USD",
    "OTHER_NAMES",
    "SETTLING",
    "CostAnomaly",
    "NameKind",
    "NamedAnomaly",
    "NamedUsage",
    "Ranking",
    "ReportedWeek",
    "SummaryDeliveries",
    "WeeklySummary",
    "WeeklyTally",
    "find_anomalies",
    "summarize",
    "weekly_notice",
]
