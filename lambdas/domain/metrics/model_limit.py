"""Folds models past a bound into one, so that metrics stay few whatever callers name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from lambdas.domain.metrics.catalog import MeteredCall, dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES, Admission, IdentityRegistry

DEFAULT_MAX_MODELS = 100
"""How many models a month have metrics of their own, by default."""
MAX_MODELS_OF_IDENTITIES = 1_000
"""How many pairs of identity and model a month have metrics of their own, at full detail."""
OTHER_MODELS = OTHER_IDENTITIES
"""The dimension value of every model past the bound, and of failed calls of unknown models."""


@dataclass(frozen=True, slots=True)
class BoundedModels:
    """Decides what the dimension `ModelId` says for a call.

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

    def name(self, call: MeteredCall, identity: str) -> MeteredCall:
        """Name the model of a call as metrics do.

        Args:
            call: The call.
            identity: What the dimension `IdentityArn` says for it.
        """
        record = call.as_priced().record
        month, model = f"{record.timestamp:%Y-%m}", dimension_value(record.model_id)
        is_known = self.is_known(record.model_id)
        is_admitted = (is_known or not record.is_failed) and self._is_admitted(
            month, model, is_doubtful=record.is_failed or not is_known
        )
        if not is_admitted:
            return call._replace(model=OTHER_MODELS, model_of_identity=OTHER_MODELS)
        of_identity = model if self._is_pair_admitted(month, identity, model) else OTHER_MODELS
        return call._replace(model=model, model_of_identity=of_identity)

    def _is_admitted(self, month: str, model: str, *, is_doubtful: bool) -> bool:
        registry = self.doubtful_models if is_doubtful else self.models
        return registry.admit(month, model, None) is Admission.ADMITTED

    def _is_pair_admitted(self, month: str, identity: str, model: str) -> bool:
        if self.pairs is None:
            return True
        pair = sha256(f"{identity}\0{model}".encode()).hexdigest()
        return self.pairs.admit(month, pair, None) is Admission.ADMITTED


def is_overflowing(call: MeteredCall, identity: str) -> bool:
    """Say if a call is in an overflow bucket because a bound is reached.

    Failed calls of unknown models are in one at any time, and say nothing.
    """
    project = call.attribution.project if call.attribution else None
    models = () if call.record.is_failed else (call.model, call.model_of_identity)
    return OTHER_MODELS in (identity, project, *models)
