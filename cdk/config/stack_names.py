"""The names of the stacks, the same in every Region."""

from __future__ import annotations

PREFIX = "BedrockMeter"
STORAGE = f"{PREFIX}-Storage"
INGESTION = f"{PREFIX}-Ingestion"
MONITORING = f"{PREFIX}-Monitoring"
