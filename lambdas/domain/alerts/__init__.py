"""Alerts: the thresholds of usage alarms, and notifications."""

from lambdas.domain.alerts.thresholds import DEFAULT_THRESHOLDS, Severity, Threshold

__all__ = ["DEFAULT_THRESHOLDS", "Severity", "Threshold"]
