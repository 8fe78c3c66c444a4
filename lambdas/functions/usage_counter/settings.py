"""The settings of `usage_counter`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.counting_settings import CountingSettings


class Settings(CountingSettings):
    """The counters, and the retention of their source.

    Attributes:
        ledger_retention_days: The days for which the ledger keeps calls.
    """

    ledger_retention_days: int = Field(default=90, ge=1)
