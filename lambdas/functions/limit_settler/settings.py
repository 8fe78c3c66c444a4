"""The settings of `limit_settler`."""

from __future__ import annotations

from lambdas.wiring.settling_settings import SettlingSettings


class Settings(SettlingSettings):
    """The limits, the ledger and, where governance is on, the budgets."""
