"""Denies callers whose budgets are used up, and releases them again."""

from lambdas.services.brake_principals.brake import PrincipalBrake
from lambdas.services.brake_principals.report import (
    CHANGED_MEANWHILE,
    BrakeFailure,
    BrakeReport,
    DelayedChange,
)
from lambdas.services.brake_principals.settings import BrakeSettings

__all__ = [
    "CHANGED_MEANWHILE",
    "BrakeFailure",
    "BrakeReport",
    "BrakeSettings",
    "DelayedChange",
    "PrincipalBrake",
]
