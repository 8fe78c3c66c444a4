"""The limits on values of dimensions, each with the registry that keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lambdas.domain.ledger.state_table import MODEL_SCOPE, PAIR_SCOPE, PROJECT_SCOPE
from lambdas.domain.metrics.metered_call import DimensionNamer
from lambdas.domain.metrics.model_limit import MAX_MODELS_OF_IDENTITIES, BoundedModels
from lambdas.domain.metrics.project_limit import MAX_PROJECTS, BoundedProjects
from lambdas.domain.metrics.role_roll_up import (
    BoundedIdentities,
    IdentityRegistry,
    RoleRollUp,
)


class OpenRegistry(Protocol):
    """Opens registries of dimension values that have their own metrics."""

    def __call__(self, bound: int, scope: str) -> IdentityRegistry:
        """Open a registry.

        Args:
            bound: The number of values a month that it admits.
            scope: Separates registries; those of one scope share their places.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionLimits:
    """The limits that a configuration sets.

    Attributes:
        role_rollup_patterns: Regular expressions of session names that are not those of people.
        max_identities: The number of identities a month that have metrics of their own.
        max_models: The number of models.
        has_pairs: Pairs of identity and model have metrics of their own.
    """

    role_rollup_patterns: tuple[str, ...]
    max_identities: int
    max_models: int
    has_pairs: bool

    def make_namer(
        self, open_registry: OpenRegistry, is_known: Callable[[str], bool]
    ) -> DimensionNamer:
        """Make the namer of dimensions of calls within these limits.

        Args:
            open_registry: Opens a registry for each limit.
            is_known: Says if a model has a price.
        """
        pairs = open_registry(MAX_MODELS_OF_IDENTITIES, PAIR_SCOPE) if self.has_pairs else None
        return DimensionNamer(
            BoundedIdentities(
                RoleRollUp(self.role_rollup_patterns), open_registry(self.max_identities, "")
            ),
            BoundedModels(
                open_registry(self.max_models, MODEL_SCOPE),
                open_registry(self.max_models // 2, MODEL_SCOPE),
                pairs,
                is_known,
            ),
            BoundedProjects(open_registry(MAX_PROJECTS, PROJECT_SCOPE)),
        )
