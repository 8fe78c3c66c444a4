"""An operator's decision on held prices, as the function receives it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from lambdas.domain.pricing.price_decisions import (
    Decide,
    DecisionRefusedError,
    accept,
    reject,
    supersede,
)
from lambdas.wiring.allowed_values import SettingsModel, check

_Names = Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=1_000)]


class Decision(SettingsModel):
    """An operator's decision, as `make price-updates` sends it: one of three.

    Attributes:
        accept: Short names of held prices that become part of an edition.
        reject: Short names of held prices that do not.
        supersede: An edition whose changes no longer count.
        reason: The reason for superseding it.
    """

    accept: _Names = ()
    reject: _Names = ()
    supersede: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=400)

    @model_validator(mode="after")
    def _decides_one_thing(self) -> Self:
        check(
            "decision",
            "one of accept, reject and supersede",
            is_so=sum(map(bool, (self.accept, self.reject, self.supersede))) == 1,
        )
        check(
            "reason",
            "the reason why the edition is superseded",
            is_so=not self.supersede or bool(self.reason.strip()),
        )
        return self

    def to_domain(self, now: datetime) -> Decide:
        """Return the decision as price updates apply it."""
        if self.accept:
            return accept(self.accept, now)
        if self.reject:
            return reject(self.reject)
        return supersede(self.supersede, self.reason.strip(), now)


def read_decision(event: object, now: datetime) -> Decide:
    """Read a decision.

    Raises:
        DecisionRefusedError: It is not a decision.
    """
    try:
        return Decision.model_validate(event).to_domain(now)
    except ValidationError as error:
        problems = "; ".join(map(_explain, error.errors()))
        message = f"{problems}. make price-updates lists the names of held prices and editions."
        raise DecisionRefusedError(message) from None


def _explain(problem: ErrorDetails) -> str:
    field = ".".join(map(str, problem["loc"]))
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {reason}" if field else reason
