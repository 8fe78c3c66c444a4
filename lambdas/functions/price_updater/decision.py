"""An operator's decision on held prices, as the function receives it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from lambdas.domain.audit import PERSON_ID
from lambdas.domain.pricing.editions import LastChange, PriceDecision
from lambdas.domain.pricing.price_decisions import (
    Decide,
    DecisionRefusedError,
    accept,
    reject,
    supersede,
)
from lambdas.wiring.allowed_values import SettingsModel, check

_Names = Annotated[tuple[Annotated[str, Field(max_length=40)], ...], Field(max_length=1_000)]


class DecisionOnPrices(NamedTuple):
    """A decision, and the mark that it leaves.

    Attributes:
        decide: Makes the next state.
        change: The mark.
    """

    decide: Decide
    change: LastChange


class Decision(SettingsModel):
    """An operator's decision, as `make price-updates` sends it: one of three.

    Attributes:
        accept: Short names of held prices that become part of an edition.
        reject: Short names of held prices that do not.
        supersede: An edition whose changes no longer count.
        reason: The reason for superseding it.
        made_by: The id of the person who decides; `None` where governance is off.
    """

    accept: _Names = ()
    reject: _Names = ()
    supersede: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=400)
    made_by: Annotated[str, Field(pattern=f"^{PERSON_ID}$")] | None = None

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

    def to_domain(self, now: datetime) -> DecisionOnPrices:
        """Return the decision as price updates apply it, with its mark."""
        if self.accept:
            decide, kind = accept(self.accept, now), PriceDecision.ACCEPT
        elif self.reject:
            decide, kind = reject(self.reject), PriceDecision.REJECT
        else:
            decide = supersede(self.supersede, self.reason.strip(), now)
            kind = PriceDecision.SUPERSEDE
        return DecisionOnPrices(
            decide, LastChange(decision=kind, made_at=now, made_by=self.made_by)
        )


def read_decision(event: object, now: datetime) -> DecisionOnPrices:
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
