"""Selects the metrics that an audit reads, as others can publish in the meter's namespace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from lambdas.domain.invocations import foundation_model_id, is_foundation_model
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.metrics import OTHER_MODELS
from lambdas.domain.metrics.catalog import dimension_value


def max_series(max_models: int) -> int:
    """Get the number of models that can have metrics at one time.

    At the turn of a month, those of both months have them, and `__other__`.
    """
    return 2 * max_models + 1


@dataclass(frozen=True, slots=True)
class OwnSeries:
    """The models that have metrics in the meter's namespace.

    Attributes:
        models: By the metric's name, listed up to one more than the bound.
        bound: The number of models that the meter itself can have published.
    """

    models: Mapping[str, Collection[str]]
    bound: int

    @property
    def is_exceeded(self) -> bool:
        """True when a metric has more models than the meter can have published."""
        return any(len(models) > self.bound for models in self.models.values())

    def select(
        self, bedrock: Iterable[str], name_model: Callable[[str], str]
    ) -> Mapping[str, Collection[str]]:
        """Select the models to read, by the metric's name.

        Each one costs money. All that are listed, or else those that Bedrock names.

        Args:
            bedrock: Bedrock's names.
            name_model: Names the foundation model behind an application inference profile, if it
                is known.
        """
        if not self.is_exceeded:
            return self.models
        named = {OTHER_MODELS, *(_published_as(name, name_model) for name in bedrock)}
        return dict.fromkeys(self.models, named)


def _published_as(invoked_id: str, name_model: Callable[[str], str]) -> str:
    """Name a model of Bedrock's as the meter most likely does."""
    name = foundation_model_id(name_model(invoked_id))
    is_bare = not is_foundation_model(name) and "/" not in name
    return dimension_value(f"{APPLICATION_PROFILE}{name}" if is_bare else name)
