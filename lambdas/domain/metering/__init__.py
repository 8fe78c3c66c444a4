"""What calls add up to: the ledger, figures per identity and model, metrics, thresholds."""

from lambdas.domain.metering.aggregation import DataPoint, Distribution, StatisticSet, aggregate
from lambdas.domain.metering.ledger import LedgerChange, LedgerStream, UsageLedger
from lambdas.domain.metering.quota import output_burndown, quota_tokens
from lambdas.domain.metering.thresholds import (
    DEFAULT_THRESHOLDS,
    Severity,
    Threshold,
)
from lambdas.domain.metering.usage_summary import UsageFigures, UsageSummary, total_figures

__all__ = [
    "DEFAULT_THRESHOLDS",
    "DataPoint",
    "Distribution",
    "LedgerChange",
    "LedgerStream",
    "Severity",
    "StatisticSet",
    "Threshold",
    "UsageFigures",
    "UsageLedger",
    "UsageSummary",
    "aggregate",
    "output_burndown",
    "quota_tokens",
    "total_figures",
]
