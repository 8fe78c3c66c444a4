"""What `price_refresher` is told by its environment."""

from __future__ import annotations

from lambdas.wiring.publishing_settings import PublishingSettings


class Settings(PublishingSettings):
    """What is published, and at what prices."""
