"""Settings of functions that settle calls of the gateway."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from lambdas.wiring.allowed_values import check
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.role_names import RoleName


class SettlingSettings(CallSettings):
    """The limits, the ledger that settles calls, and the budgets that the gateway enforces.

    Attributes:
        limits_table: The DynamoDB table of limits.
        ledger_table: The DynamoDB table of calls.
        caller_role: The name of the role of the gateway's calls.
        counter_table: The DynamoDB table of counters; `None` where governance is off.
        governance_table: The DynamoDB table of budgets; `None` where governance is off.
    """

    limits_table: str = Field(min_length=3)
    ledger_table: str = Field(min_length=3)
    caller_role: RoleName
    counter_table: str | None = Field(default=None, min_length=3)
    governance_table: str | None = Field(default=None, min_length=3)

    @model_validator(mode="after")
    def _has_both_tables_of_budgets(self) -> Self:
        has_both = (self.counter_table is None) is (self.governance_table is None)
        check("governance_table", "with counter_table, or neither of them", is_so=has_both)
        return self
