"""Finds models whose counts in the meter and in Bedrock differ in two consecutive hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.completeness.coverage import (
    CALLS_TOLERANCE,
    TOKENS_TOLERANCE,
    Comparison,
    ModelCoverage,
)
from lambdas.domain.completeness.quantities import Quantity

MODELS_TOLERANCE: Final = 3
"""The number of models that may have calls on the meter's side alone, at the turn of an hour."""


class Mismatch(NamedTuple):
    """A quantity of a model that the meter counts too little or too much of.

    Attributes:
        model_id: The model.
        quantity: The quantity.
        is_surplus: Whether the meter counts more than Bedrock.
    """

    model_id: str
    quantity: Quantity
    is_surplus: bool


@dataclass(frozen=True, slots=True)
class SettledHour:
    """An hour in which no more calls will be counted.

    Attributes:
        window: The hour.
        models: Every model that either side has calls of, by the meter's metrics.
        counted: The same by exact counters; `None` where they were not compared.
    """

    window: AuditWindow
    models: tuple[ModelCoverage, ...]
    counted: tuple[ModelCoverage, ...] | None = None

    def find_mismatches(self) -> dict[Mismatch, Comparison]:
        """Find quantities in which metrics differ by more than their bound."""
        return _find_mismatches(self.models)

    def find_counter_mismatches(self) -> dict[Mismatch, Comparison]:
        """Find quantities in which exact counters differ by more than their bound."""
        return {
            mismatch: compared
            for mismatch, compared in _find_mismatches(self.counted or ()).items()
            if mismatch.quantity is not Quantity.UNCOUNTED_CALLS  # counters do not have them
        }


@dataclass(frozen=True, slots=True)
class MismatchReport:
    """The result of comparing two consecutive settled hours.

    Attributes:
        earlier: The first of the two.
        later: The second.
        exceeded_tolerance: The number of models that can have metrics of the meter at one time, if
            more have some; `None` otherwise.
    """

    earlier: SettledHour
    later: SettledHour
    exceeded_tolerance: int | None = None

    @property
    def is_mismatch(self) -> bool:
        """True when there is a difference that forged or hidden records explain."""
        found = self.mismatches or self.counter_mismatches or self.unknown_models
        return bool(found) or self.exceeded_tolerance is not None

    @property
    def mismatches(self) -> Mapping[Mismatch, Comparison]:
        """The quantities in which metrics differ in both hours in the same way.

        The figures are those of the later hour. A call at the turn of an hour, which one side
        counts in the next, is too much in one hour and too little in the other.
        """
        return _find_repeated(self.earlier.find_mismatches(), self.later.find_mismatches())

    @property
    def counter_mismatches(self) -> Mapping[Mismatch, Comparison]:
        """The quantities in which exact counters differ in both hours in the same way."""
        return _find_repeated(
            self.earlier.find_counter_mismatches(), self.later.find_counter_mismatches()
        )

    @property
    def has_counters(self) -> bool:
        """True if exact counters were compared in both hours."""
        return self.earlier.counted is not None and self.later.counted is not None

    @property
    def unknown_models(self) -> tuple[str, ...]:
        """The models that Bedrock has no calls of in either hour; empty up to the bound.

        One forged call of each is below the bound on calls, and takes a place of the month's all
        the same: with all places taken, real models are compared as one.
        """
        metered, known = Counter[str](), Counter[str]()
        for model in (*self.earlier.models, *self.later.models):
            metered[model.model_id] += model.calls.metered
            known[model.model_id] += model.calls.bedrock
        unknown = sorted(model for model in +metered if not known[model])
        return tuple(unknown) if len(unknown) > MODELS_TOLERANCE else ()

    @property
    def uncounted_calls(self) -> Mapping[str, int]:
        """The calls without counts in the later hour, by model: their tokens are not compared."""
        return {
            model.model_id: model.uncounted_calls
            for model in self.later.models
            if model.uncounted_calls
        }


def _find_mismatches(models: Iterable[ModelCoverage]) -> dict[Mismatch, Comparison]:
    return {
        Mismatch(model.model_id, quantity, is_surplus): compared
        for model in models
        for quantity, is_surplus, compared in _mismatches(model)
    }


def _find_repeated(
    earlier: Mapping[Mismatch, Comparison], later: Mapping[Mismatch, Comparison]
) -> Mapping[Mismatch, Comparison]:
    return {mismatch: compared for mismatch, compared in later.items() if mismatch in earlier}


def _mismatches(model: ModelCoverage) -> Iterator[tuple[Quantity, bool, Comparison]]:
    """The quantities of a model that differ by more than their bound, and in which direction."""
    calls = model.calls
    if CALLS_TOLERANCE.is_exceeded(calls.missing, calls.bedrock):
        yield Quantity.CALLS, False, calls
    if CALLS_TOLERANCE.is_exceeded(calls.surplus, calls.bedrock):
        yield Quantity.CALLS, True, calls
    for quantity, compared in model.tokens.items():
        expected = _expected_tokens(model, compared)
        if TOKENS_TOLERANCE.is_exceeded(expected - compared.metered, expected):
            yield quantity, False, compared
        if TOKENS_TOLERANCE.is_exceeded(compared.surplus, compared.bedrock):
            yield quantity, True, compared
    # Else forged calls without counts could stand in for calls that are hidden.
    has_tokens = any(compared.bedrock for compared in model.tokens.values())
    if has_tokens and CALLS_TOLERANCE.is_exceeded(model.uncounted_calls, calls.metered):
        yield Quantity.UNCOUNTED_CALLS, True, Comparison(model.uncounted_calls, calls.metered)


def _expected_tokens(model: ModelCoverage, compared: Comparison) -> int:
    """Bedrock's tokens without those of calls without counts, taken as of average size."""
    calls = model.calls.metered
    counted = max(calls - model.uncounted_calls, 0)
    return compared.bedrock * counted // calls if calls else compared.bedrock
