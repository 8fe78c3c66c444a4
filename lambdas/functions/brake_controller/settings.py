"""The settings of `brake_controller`."""

from __future__ import annotations

from lambdas.wiring.brake_settings import BrakingSettings


class Settings(BrakingSettings):
    """The budgets, their sums, and the rules for denying their callers."""
