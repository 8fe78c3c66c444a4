"""Settings of functions that settle calls of the gateway."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.call_settings import CallSettings


class SettlingSettings(CallSettings):
    """The limits, the ledger that settles calls, and the budgets that the gateway enforces.

    Attributes:
        limits_table: The DynamoDB table of limits.
        ledger_table: The DynamoDB table of calls.
        caller_role: The name of the role of the gateway's calls.
        counter_table: The DynamoDB table of counters.
        governance_table: The DynamoDB table of budgets.
    """

    limits_table: str = Field(min_length=3)
    ledger_table: str = Field(min_length=3)
    caller_role: str = Field(min_length=1)
    counter_table: str = Field(min_length=3)
    governance_table: str = Field(min_length=3)
