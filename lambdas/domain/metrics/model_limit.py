"""Rolls models past the limit up into one series: callers choose the names of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES, Admission, IdentityRegistry

DEFAULT_MAX_MODELS = 100
"""The number of models a month with metrics of their own, by default."""
MAX_MODELS_OF_IDENTITIES = 1_000
"""The number of pairs of identity and model a month with metrics of their own, at full detail."""
OTHER_MODELS = OTHER_IDENTITIES
"""The dimension value of every model past the limit, and of failed calls of unknown models."""


@dataclass(frozen=True, slots=True)
class BoundedModels:
    """Chooses the value of the dimension `ModelId` for a call.

    Attributes:
        models: Admits models, month by month.
        doubtful_models: Admits models to the first half of the same places: those without a price,
            whose names anyone who writes to the log group can invent, and those of failed calls,
            which cost a caller nothing. Neither fills the places of models that have a price.
        pairs: Admits pairs of identity and model; `None` where these have no metrics.
        is_known: Whether a model has a price. A failed call of another one takes no place.
    """

    models: IdentityRegistry
    doubtful_models: IdentityRegistry
    pairs: IdentityRegistry | None
    is_known: Callable[[str], bool]

    def name(self, call: EnrichedCall, identity: str, month: str) -> tuple[str, str]:
        """Name the model of a call as metrics do: by itself, and beside its identity.

        Args:
            call: The call.
            identity: The value of the dimension `IdentityArn`.
            month: The month in which metrics show the call.
        """
        model, is_failed = dimension_value(call.model_id), call.record.is_failed
        is_known = self.is_known(call.model_id)
        is_admitted = (is_known or not is_failed) and self._is_admitted(
            month, model, is_doubtful=is_failed or not is_known
        )
        if not is_admitted:
            return OTHER_MODELS, OTHER_MODELS
        is_pair_admitted = self._is_pair_admitted(month, identity, model)
        return model, model if is_pair_admitted else OTHER_MODELS

    def _is_admitted(self, month: str, model: str, *, is_doubtful: bool) -> bool:
        registry = self.doubtful_models if is_doubtful else self.models
        return registry.admit(month, model, None) is Admission.ADMITTED

    def _is_pair_admitted(self, month: str, identity: str, model: str) -> bool:
        if self.pairs is None:
            return True
        pair = sha256(f"{identity}\0{model}".encode()).hexdigest()
        return self.pairs.admit(month, pair, None) is Admission.ADMITTED
