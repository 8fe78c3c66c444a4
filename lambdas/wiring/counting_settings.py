"""Settings of functions that count usage exactly."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.counters import COUNTING_RULES, CellMinutes
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.environment import from_json_text

_DECIDING = {"contracted_prices", "assume_prices", "attribution"}
"""The settings that decide the labels and the cost of a call."""


class CountingSettings(CallSettings):
    """The counters, and the length of their cells.

    Attributes:
        stack_id: The stack that the function belongs to.
        counter_table: The DynamoDB table of counters.
        ledger_table: The DynamoDB table of calls.
        governance_table: The DynamoDB table of budgets.
        cell_minutes: The length of the short cells: 60, or 15 where the time zone of a budget is
            not whole hours from UTC.
        credits: True if hours whose cost has changed are noted, for `credit_booker`.
    """

    stack_id: str = Field(min_length=1)
    counter_table: str = Field(min_length=3)
    ledger_table: str = Field(min_length=3)
    governance_table: str = Field(min_length=3)
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
    credits: bool = False

    @property
    def deployed(self) -> str:
        """A name for all that decides the labels and the cost of a call, but published prices.

        Two deployments have the same name if and only if a call has the same usage in both.
        """
        deciding = self.model_dump_json(include=_DECIDING)
        decided = f"{COUNTING_RULES}|{self.cell_minutes}|{self.account_id}|{deciding}"
        return f"{self.pricing.book.edition}-{sha256(decided.encode()).hexdigest()[:16]}"
