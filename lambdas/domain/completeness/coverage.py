"""Compares the meter's counts with Bedrock's own, model by model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.completeness.quantities import Quantity, Totals
from lambdas.domain.invocations import foundation_model_id, is_foundation_model
from lambdas.domain.metrics import OTHER_MODELS
from lambdas.domain.metrics.catalog import dimension_value

AUDITS_RUNNING = 2
"""The number of consecutive audits with missing calls after which people are notified."""


_DEFAULT_ROUTER = re.compile(r"[a-z]+\.[a-z]+:\d+")
"""The id of a default prompt router, which has the form of a model's: `anthropic.claude:1`.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-routing.html
"""


class Tolerance(NamedTuple):
    """The allowed difference of two counts: a number, or a share of Bedrock's if that is more.

    Attributes:
        least: The number.
        one_of: The part: 100 for one percent.
    """

    least: int
    one_of: int

    def is_exceeded(self, difference: int, bedrock: int) -> bool:
        """Say if a difference is larger than both."""
        return difference > self.least and difference * self.one_of > bedrock


CALLS_TOLERANCE = Tolerance(3, 200)
TOKENS_TOLERANCE = Tolerance(10_000, 100)


class Comparison(NamedTuple):
    """One quantity, on both sides.

    Attributes:
        metered: The number that the meter has counted; 0 if it published nothing.
        bedrock: The number that Bedrock has.
    """

    metered: int
    bedrock: int

    @property
    def covered(self) -> int:
        """The part of Bedrock's that is counted. A surplus of the meter covers nothing."""
        return min(self.metered, self.bedrock)

    @property
    def missing(self) -> int:
        """The number that Bedrock has and the meter has not."""
        return self.bedrock - self.covered

    @property
    def surplus(self) -> int:
        """The number that the meter has and Bedrock has not."""
        return self.metered - self.covered

    @property
    def ratio(self) -> float | None:
        """The part that is counted, from 0 to 1; `None` where Bedrock has nothing."""
        return self.covered / self.bedrock if self.bedrock else None

    @property
    def is_short(self) -> bool:
        """True when more is missing than late calls explain: over three, and half a percent."""
        return CALLS_TOLERANCE.is_exceeded(self.missing, self.bedrock)


@dataclass(frozen=True, slots=True)
class ModelCoverage:
    """The counted share of a model's usage.

    Attributes:
        model_id: The model, as the meter's dimension `ModelId` has it.
        calls: Successful calls.
        tokens: Kinds of tokens that Bedrock has a total of.
        failed_calls: Calls that the meter counts apart.
        uncounted_calls: Successful calls whose token counts the meter does not know.
    """

    model_id: str
    calls: Comparison
    tokens: Mapping[Quantity, Comparison]
    failed_calls: int
    uncounted_calls: int = 0


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """The result of an audit.

    Attributes:
        window: The hour that it looked at.
        models: Every model that Bedrock or the meter has calls of, in the order of their ids.
        unlogged: Usage of `bedrock-mantle`, which cannot be attributed; empty where there is no
            such usage, or where the audit did not look.
    """

    window: AuditWindow
    models: tuple[ModelCoverage, ...]
    unlogged: Totals

    @property
    def calls(self) -> Comparison:
        """The calls of all models. A surplus of one model offsets no other's lack."""
        return Comparison(
            sum(model.calls.covered for model in self.models),
            sum(model.calls.bedrock for model in self.models),
        )

    @property
    def short_models(self) -> tuple[ModelCoverage, ...]:
        """The models with missing calls, the most first."""
        short = [model for model in self.models if model.calls.is_short]
        return tuple(sorted(short, key=lambda model: -model.calls.missing))

    @property
    def is_short(self) -> bool:
        """True when calls of a model, or of all models together, are missing."""
        return self.calls.is_short or bool(self.short_models)


def compare(
    metered: Mapping[str, Totals], bedrock: Mapping[str, Totals]
) -> tuple[ModelCoverage, ...]:
    """Compare totals of models.

    Args:
        metered: The meter's, by foundation model.
        bedrock: Bedrock's, by the called id. Several ids may be one foundation model.
    """
    called: defaultdict[str, list[Totals]] = defaultdict(list)
    names = {
        model_id
        for model_id in metered
        if model_id != OTHER_MODELS or metered[model_id].get(Quantity.CALLS)
    }
    for invoked_id, totals in bedrock.items():
        called[metered_model_id(invoked_id, names)].append(totals)
    return tuple(
        _compare_model(model_id, metered.get(model_id, {}), called[model_id])
        for model_id in sorted({*metered, *called})
    )


def metered_model_id(invoked_id: str, metered: Collection[str]) -> str:
    """Translate a value of Bedrock's dimension `ModelId` to the meter's name of the model.

    Bedrock names an application inference profile by its bare id, and the meter by its kind as
    well: `application-inference-profile/ID`.

    Args:
        invoked_id: Bedrock's name: of a model, of a profile, or an ARN.
        metered: The meter's names of models. With the overflow bucket among them, a model that has
            no name is in that.
    """
    name = dimension_value(foundation_model_id(invoked_id))
    if name in metered:
        return name
    other = OTHER_MODELS if OTHER_MODELS in metered else name
    # Else calls of a forged model `x/NAME` would stand in for hidden ones of a foundation model.
    if is_foundation_model(name) and _DEFAULT_ROUTER.fullmatch(name) is None:
        return other
    return min((model for model in metered if model.endswith(f"/{name}")), default=other)


def _compare_model(model_id: str, metered: Totals, bedrock: list[Totals]) -> ModelCoverage:
    def comparison(quantity: Quantity) -> Comparison:
        return Comparison(
            metered.get(quantity, 0), sum(totals.get(quantity, 0) for totals in bedrock)
        )

    reported = {quantity for totals in bedrock for quantity in totals} - {Quantity.CALLS}
    return ModelCoverage(
        model_id,
        calls=comparison(Quantity.CALLS),
        tokens={token: comparison(token) for token in Quantity if token in reported},
        failed_calls=metered.get(Quantity.FAILED_CALLS, 0),
        uncounted_calls=metered.get(Quantity.UNCOUNTED_CALLS, 0),
    )
