"""What `price_refresher` is told by its environment."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.publishing_settings import PublishingSettings


class Settings(PublishingSettings):
    """What is published, and at what prices.

    Attributes:
        ledger_table: The DynamoDB table of calls.
    """

    ledger_table: str = Field(min_length=3)
