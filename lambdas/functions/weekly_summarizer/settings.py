"""The settings of `weekly_summarizer`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.environment import from_json_text
from lambdas.wiring.publishing_settings import RollUpPattern


class Settings(CallSettings):
    """The calls to summarize, their prices, and the destination of the summary.

    Attributes:
        ledger_table: The DynamoDB table of calls.
        ledger_retention_days: The days for which the ledger keeps calls.
        role_rollup_patterns: Regular expressions, as a JSON list, of session names that do not
            belong to people.
        topic_arn: The topic of notifications.
        dashboard_url: The address of the dashboard that the summary links.
    """

    ledger_table: str = Field(min_length=3)
    ledger_retention_days: int = Field(ge=1)
    role_rollup_patterns: Annotated[tuple[RollUpPattern, ...], BeforeValidator(from_json_text)] = ()
    topic_arn: str = Field(min_length=1)
    dashboard_url: str = Field(min_length=1)
