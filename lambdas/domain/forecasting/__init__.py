"""Forecasts of usage until the end of a budget's period, with measured errors."""

from lambdas.domain.forecasting.calibration import MIN_RATIOS, calibrate
from lambdas.domain.forecasting.error_ratios import (
    HORIZON_HOURS,
    SHIPPED_FILE,
    ErrorRatios,
    read_error_ratios,
    read_shipped_ratios,
    write_error_ratios,
)
from lambdas.domain.forecasting.expected_usage import MIN_OBSERVED, Activity
from lambdas.domain.forecasting.forecast import (
    COVERAGES,
    Coverage,
    Forecast,
    Interval,
    forecast_usage,
)
from lambdas.domain.forecasting.hourly_usage import HourlyUsage
from lambdas.domain.forecasting.measured_ratio import MeasuredRatio, measure_ratios
from lambdas.domain.forecasting.ratio_distribution import LEVELS, RatioDistribution

__all__ = [
    "COVERAGES",
    "HORIZON_HOURS",
    "LEVELS",
    "MIN_OBSERVED",
    "MIN_RATIOS",
    "SHIPPED_FILE",
    "Activity",
    "Coverage",
    "ErrorRatios",
    "Forecast",
    "HourlyUsage",
    "Interval",
    "MeasuredRatio",
    "RatioDistribution",
    "calibrate",
    "forecast_usage",
    "measure_ratios",
    "read_error_ratios",
    "read_shipped_ratios",
    "write_error_ratios",
]
