"""Settings of governance: exact counters, and what is built on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from lambdas.domain.counters import CellMinutes
from lambdas.wiring.allowed_values import SettingsModel
from lambdas.wiring.environment import from_json_text


class GovernanceSettings(SettingsModel):
    """Settings that switch governance on.

    Attributes:
        governance: Count usage exactly, by hour and day.
        cell_minutes: The length of the short cells of these counters, in minutes.
    """

    governance: bool = False
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
