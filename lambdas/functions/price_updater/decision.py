"""An operator's decision on held prices, as the function receives it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.domain.pricing.price_decisions import (
    Decide,
    DecisionRefusedError,
    accept,
    reject,
    supersede,
)

_Names = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=1_000)]


class Decision(BaseModel):
    """An operator's decision, as `make price-updates` sends it: one of three.

    Attributes:
        accept: Short names of held prices that become part of an edition.
        reject: Short names of held prices that do not.
        supersede: An edition whose changes no longer count.
        reason: The reason for superseding it.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    accept: _Names = []
    reject: _Names = []
    supersede: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=400)

    def to_domain(self, now: datetime) -> Decide:
        """The decision that the domain knows.

        Raises:
            DecisionRefusedError: It names no decision, or more than one.
        """
        if sum(map(bool, (self.accept, self.reject, self.supersede))) != 1:
            message = "name one of accept, reject and supersede."
            raise DecisionRefusedError(message)
        if self.accept:
            return accept(self.accept, now)
        if self.reject:
            return reject(self.reject)
        if not self.reason.strip():
            message = "say why the edition is superseded."
            raise DecisionRefusedError(message)
        return supersede(self.supersede, self.reason.strip(), now)


def read_decision(event: object, now: datetime) -> Decide:
    """Read a decision.

    Raises:
        DecisionRefusedError: It is not a decision.
    """
    try:
        return Decision.model_validate(event).to_domain(now)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        message = f"{problems}. make price-updates lists the names of held prices and editions."
        raise DecisionRefusedError(message) from None
