"""The settings of `usage_counter`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.counting_settings import CountingSettings


class Settings(CountingSettings):
    """The counters, the retention of their source, and the functions that act on them.

    Attributes:
        ledger_retention_days: The days for which the ledger keeps calls.
        evaluator_name: The function that evaluates budgets.
        brake_name: The function that denies callers, if there is one.
    """

    ledger_retention_days: int = Field(default=90, ge=1)
    evaluator_name: str = Field(min_length=1)
    brake_name: str | None = Field(default=None, min_length=1)
