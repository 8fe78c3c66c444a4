"""The settings of `forecast_calibrator`."""

from __future__ import annotations

from lambdas.wiring.governing_settings import GoverningSettings


class Settings(GoverningSettings):
    """The budgets, and the counters."""
