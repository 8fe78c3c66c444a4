"""The settings of the gateway."""

from __future__ import annotations

from lambdas.wiring.gateway_settings import RelaySettings


class Settings(RelaySettings):
    """The keys, the role and the bounds of the gateway."""
