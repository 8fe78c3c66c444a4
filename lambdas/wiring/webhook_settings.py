"""Settings of the functions of webhooks."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.environment import EnvironmentSettings


class RoutingSettings(EnvironmentSettings):
    """Settings of `webhook_router`.

    Attributes:
        governance_table: The table with receivers and deliveries.
        delivery_queue_url: The queue of deliveries.
    """

    governance_table: str = Field(min_length=1)
    delivery_queue_url: str = Field(min_length=1)


class SendingSettings(RoutingSettings):
    """Settings of `webhook_sender`.

    Attributes:
        webhook_key: The key of addresses and secrets.
        account_id: The account, as receivers get it.
        region: The Region, likewise.
    """

    webhook_key: str = Field(min_length=1)
    account_id: str = Field(min_length=1)
    region: str = Field(min_length=1)
