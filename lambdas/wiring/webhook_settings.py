"""Settings of the functions of webhooks."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.environment import EnvironmentSettings


class DeliverySettings(EnvironmentSettings):
    """Settings of both functions.

    Attributes:
        governance_table: The table with receivers and deliveries.
        delivery_queue_url: The queue of deliveries.
    """

    governance_table: str = Field(min_length=1)
    delivery_queue_url: str = Field(min_length=1)


class RoutingSettings(DeliverySettings):
    """Settings of `webhook_router`.

    Attributes:
        topic_stack: The name of the stack with the topic.
    """

    topic_stack: str = Field(min_length=1)


class SendingSettings(DeliverySettings):
    """Settings of `webhook_sender`.

    Attributes:
        webhook_key: The key of addresses and secrets.
        account_id: The account, as receivers get it.
        region: The Region, likewise.
    """

    webhook_key: str = Field(min_length=1)
    account_id: str = Field(min_length=1)
    region: str = Field(min_length=1)
