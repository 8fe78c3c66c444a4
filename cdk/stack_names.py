"""The names of the stacks, the same in every Region."""

from __future__ import annotations

STORAGE = "BedrockMeter-Storage"
INGESTION = "BedrockMeter-Ingestion"
MONITORING = "BedrockMeter-Monitoring"
