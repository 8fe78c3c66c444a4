"""The settings of `budget_evaluator`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lambdas.wiring.governing_settings import GoverningSettings


class Settings(GoverningSettings):
    """The budgets, the counters, and the destination of alerts.

    Attributes:
        topic_arn: The topic that people subscribe to.
        dashboard_url: The address of the dashboard that messages link.
        limits_table: The DynamoDB table of limits; `None` where the gateway is off.
    """

    topic_arn: str = Field(min_length=1)
    dashboard_url: str = Field(min_length=1)
    limits_table: Annotated[str, Field(min_length=3)] | None = None
