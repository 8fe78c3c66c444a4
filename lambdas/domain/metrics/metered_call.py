"""A call as metrics show it: when, and under which values of each dimension."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import dimension_value
from lambdas.domain.metrics.model_limit import OTHER_MODELS, BoundedModels
from lambdas.domain.metrics.project_limit import BoundedProjects
from lambdas.domain.metrics.role_roll_up import BoundedIdentities


class DimensionValues(NamedTuple):
    """The values of the dimensions of a call.

    Attributes:
        identity: Of `IdentityArn`.
        project: Of `Project`.
        model: Of `ModelId`.
        model_of_identity: Of `ModelId` beside `IdentityArn`.
    """

    identity: str
    project: str
    model: str
    model_of_identity: str


class MeteredCall(NamedTuple):
    """A call as metrics show it.

    Attributes:
        call: The call.
        time: The time at which metrics show it.
        values: The values of its dimensions.
        replaced: The call as it was published before; only what the call adds to it is published.
    """

    call: EnrichedCall
    time: datetime
    values: DimensionValues
    replaced: EnrichedCall | None = None

    @property
    def is_overflowing(self) -> bool:
        """Say if a limit puts the call into an overflow bucket.

        Failed calls of unknown models are in one at any time, and show no limit.
        """
        identity, project, *models = self.values
        if self.call.record.is_failed:
            models = []
        return OTHER_MODELS in (identity, project, *models)


@dataclass(frozen=True, slots=True)
class DimensionNamer:
    """Names what metrics show of a call, within the limits of a month.

    Attributes:
        identities: The limit on identities; `None` for none.
        models: The limits on models; `None` for none.
        projects: The limit on projects; `None` for none.
    """

    identities: BoundedIdentities | None = None
    models: BoundedModels | None = None
    projects: BoundedProjects | None = None

    def meter(
        self,
        call: EnrichedCall,
        time: datetime | None = None,
        replaced: EnrichedCall | None = None,
    ) -> MeteredCall:
        """Name the dimensions of a call.

        Args:
            call: The call.
            time: The time at which metrics show it; the time of its record by default.
            replaced: The call as it was published before.
        """
        time = time or call.record.timestamp
        return MeteredCall(call, time, self._name(call, f"{time:%Y-%m}"), replaced)

    def _name(self, call: EnrichedCall, month: str) -> DimensionValues:
        identity_arn, project = call.record.identity_arn, call.attribution.project
        identity = (
            self.identities.name(identity_arn, month)
            if self.identities
            else dimension_value(identity_arn)
        )
        project = self.projects.name(call, month) if self.projects else dimension_value(project)
        if self.models:
            return DimensionValues(identity, project, *self.models.name(call, identity, month))
        model = dimension_value(call.model_id)
        return DimensionValues(identity, project, model, model)
