"""The settings of `webhook_sender`."""

from __future__ import annotations

from lambdas.wiring.webhook_settings import SendingSettings


class Settings(SendingSettings):
    """The receivers, the queue of deliveries and the key."""
