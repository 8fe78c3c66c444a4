"""The settings of `webhook_router`."""

from __future__ import annotations

from lambdas.wiring.webhook_settings import RoutingSettings


class Settings(RoutingSettings):
    """The receivers and the queue of deliveries."""
