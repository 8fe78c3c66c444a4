"""The settings of `credit_booker`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.credits import LOW_PERCENT
from lambdas.wiring.environment import from_json_text
from lambdas.wiring.governing_settings import GoverningSettings


class Settings(GoverningSettings):
    """The counters, the books of credits, and the destination of alerts.

    Attributes:
        ledger_retention_days: The days for which the ledger keeps calls.
        topic_arn: The topic that people subscribe to.
        dashboard_url: The address of the dashboard that messages link.
        low_percent: The rest of a scope's grants at which people are notified, in percent.
    """

    ledger_retention_days: Annotated[int, BeforeValidator(from_json_text), Field(ge=1)]
    topic_arn: str = Field(min_length=1)
    dashboard_url: str = Field(min_length=1)
    low_percent: Annotated[int, BeforeValidator(from_json_text), Field(ge=1, le=99)] = LOW_PERCENT
