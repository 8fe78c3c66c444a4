"""Forecasts of usage until the end of a budget's period, with measured errors."""

from lambdas.domain.forecasting.calibration import MIN_RATIOS, calibrate
from lambdas.domain.forecasting.calibration_document import (
    InvalidCalibrationError,
    read_calibration,
    write_calibration,
)
from lambdas.domain.forecasting.error_ratios import (
    HORIZON_HOURS,
    SHIPPED_FILE,
    ErrorRatios,
    OwnErrors,
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
from lambdas.domain.forecasting.forecast_replay import (
    ForecastCrossing,
    replay_forecasts,
    sum_by_hour,
)
from lambdas.domain.forecasting.hourly_usage import HourlyUsage
from lambdas.domain.forecasting.measured_ratio import MAX_RATIO, MeasuredRatio, measure_ratios
from lambdas.domain.forecasting.own_calibration import (
    CALIBRATION_SPAN,
    CalibrationStore,
    CalibrationUnreadableError,
    ErrorSource,
    UsageHistory,
    calibrate_on_own,
    describe_errors,
)
from lambdas.domain.forecasting.ratio_distribution import LEVELS, RatioDistribution
from lambdas.domain.forecasting.usage_histories import MAX_SOURCES, UsageHistories

__all__ = [
    "CALIBRATION_SPAN",
    "COVERAGES",
    "HORIZON_HOURS",
    "LEVELS",
    "MAX_RATIO",
    "MAX_SOURCES",
    "MIN_OBSERVED",
    "MIN_RATIOS",
    "SHIPPED_FILE",
    "Activity",
    "CalibrationStore",
    "CalibrationUnreadableError",
    "Coverage",
    "ErrorRatios",
    "ErrorSource",
    "Forecast",
    "ForecastCrossing",
    "HourlyUsage",
    "Interval",
    "InvalidCalibrationError",
    "MeasuredRatio",
    "OwnErrors",
    "RatioDistribution",
    "UsageHistories",
    "UsageHistory",
    "calibrate",
    "calibrate_on_own",
    "describe_errors",
    "forecast_usage",
    "measure_ratios",
    "read_calibration",
    "read_error_ratios",
    "read_shipped_ratios",
    "replay_forecasts",
    "sum_by_hour",
    "write_calibration",
    "write_error_ratios",
]
