"""Settings of functions that act on budgets."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.counters import CellMinutes
from lambdas.wiring.environment import EnvironmentSettings, from_json_text


class GoverningSettings(EnvironmentSettings):
    """The budgets, and the counters that their sums are in.

    Attributes:
        counter_table: The DynamoDB table of counters.
        governance_table: The DynamoDB table of budgets and alerts.
        cell_minutes: The length of the short cells.
    """

    counter_table: str = Field(min_length=3)
    governance_table: str = Field(min_length=3)
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
