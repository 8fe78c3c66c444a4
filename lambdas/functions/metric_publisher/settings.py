"""What `metric_publisher` is told by its environment."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.publishing_settings import PublishingSettings


class Settings(PublishingSettings):
    """What is published, and since when.

    Attributes:
        stack_id: The stack that the function belongs to.
        ledger_retention_days: How long the ledger keeps calls: no call may expire before.
    """

    stack_id: str = Field(min_length=1)
    ledger_retention_days: int = Field(default=90, ge=1)
