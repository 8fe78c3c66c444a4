"""The settings of `price_refresher`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.publishing_settings import PublishingSettings


class Settings(PublishingSettings):
    """The metrics to publish, and their prices.

    Attributes:
        ledger_table: The DynamoDB table of calls.
    """

    ledger_table: str = Field(min_length=3)
