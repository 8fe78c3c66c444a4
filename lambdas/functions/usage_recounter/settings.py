"""The settings of `usage_recounter`."""

from __future__ import annotations

from lambdas.wiring.counting_settings import CountingSettings


class Settings(CountingSettings):
    """The counters, and the ledger."""
