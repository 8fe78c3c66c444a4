"""The settings of `focus_exporter`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.call_settings import CallSettings

BILLING_ACCOUNT = r"(\d{12})?"
SHORTEST_LEDGER_DAYS = 62
"""The age in days of the start of the previous billing period, at most."""


class Settings(CallSettings):
    """The costs to write, their prices, and their destination.

    Attributes:
        ledger_table: The DynamoDB table of calls.
        report_bucket: The bucket of reports.
        ledger_retention_days: The days for which the ledger keeps calls.
        billing_account_id: The account that pays; empty for the one that was called.
    """

    ledger_table: str = Field(min_length=3)
    report_bucket: str = Field(min_length=3)
    ledger_retention_days: int = Field(ge=SHORTEST_LEDGER_DAYS)
    billing_account_id: str = Field(default="", pattern=f"^{BILLING_ACCOUNT}$")
