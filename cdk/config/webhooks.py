"""The setting of webhooks: events of the meter, sent to receivers by HTTPS."""

from __future__ import annotations

from lambdas.wiring.allowed_values import SettingsModel


class WebhookSettings(SettingsModel):
    """The setting that switches webhooks on.

    Attributes:
        webhooks: Deploy what sends events to the receivers of `bedrock-meter webhooks`.
    """

    webhooks: bool = False
