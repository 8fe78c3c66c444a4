"""What `focus_exporter` is told by its environment."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.call_settings import CallSettings

BILLING_ACCOUNT = r"(\d{12})?"
SHORTEST_LEDGER_DAYS = 62
"""So long ago the previous billing period may have begun."""


class Settings(CallSettings):
    """Whose costs are written, at what prices, and where.

    Attributes:
        ledger_table: The DynamoDB table of calls.
        report_bucket: The bucket of reports.
        ledger_retention_days: How long the ledger keeps calls.
        billing_account_id: The account that pays; empty for the one that was called.
    """

    ledger_table: str = Field(min_length=3)
    report_bucket: str = Field(min_length=3)
    ledger_retention_days: int = Field(ge=SHORTEST_LEDGER_DAYS)
    billing_account_id: str = Field(default="", pattern=f"^{BILLING_ACCOUNT}$")
