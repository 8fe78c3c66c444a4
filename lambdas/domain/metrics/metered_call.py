"""A call as metrics show it: its time and the values of its dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import (
    DimensionSet,
    MetricDefinition,
    MetricValue,
    dimension_value,
)
from lambdas.domain.metrics.model_limit import OTHER_MODELS, BoundedModels
from lambdas.domain.metrics.project_limit import BoundedProjects
from lambdas.domain.metrics.role_roll_up import BoundedIdentities
from lambdas.domain.pricing import CallCost


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

    @property
    def by_set(self) -> dict[DimensionSet, tuple[str, ...]]:
        """The values of each dimension set, in the order of its names."""
        return {
            DimensionSet.ACCOUNT: (),
            DimensionSet.MODEL: (self.model,),
            DimensionSet.IDENTITY: (self.identity,),
            DimensionSet.IDENTITY_AND_MODEL: (self.identity, self.model_of_identity),
            DimensionSet.PROJECT: (self.project,),
        }


class MeteredCall(NamedTuple):
    """A call as metrics show it.

    Attributes:
        call: The call.
        time: The time at which metrics show it.
        values: The values of its dimensions.
        cost: The cost that is published of it now, or the reason why it has no cost.
        replaced: The call as it was published before; only what the call adds to it is published.
        replaced_cost: The cost that was published of that.
    """

    call: EnrichedCall
    time: datetime
    values: DimensionValues
    cost: CallCost
    replaced: EnrichedCall | None = None
    replaced_cost: CallCost = None

    @property
    def is_overflowing(self) -> bool:
        """Say if a limit puts the call into an overflow bucket.

        Failed calls of unknown models are in one at any time, and show no limit.
        """
        identity, project, *models = self.values
        if self.call.record.is_failed:
            models = []
        return OTHER_MODELS in (identity, project, *models)

    def get_addition(self, metric: MetricDefinition) -> MetricValue | None:
        """Get what the call adds to a metric that may show it already; `None` for nothing."""
        value = metric.get_value(self.call, self.cost)
        if value is None or self.replaced is None:
            return value
        published = metric.get_value(self.replaced, self.replaced_cost)
        if published is None:
            return value
        return value - published if metric.is_total and value > published else None


@dataclass(frozen=True, slots=True)
class DimensionNamer:
    """Chooses the dimension values of calls, within the limits of a month.

    Attributes:
        identities: The limit on identities; `None` for no limit.
        models: The limits on models; `None` for no limit.
        projects: The limit on projects; `None` for no limit.
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
        """Name the dimensions of a call whose cost is published with it.

        Args:
            call: The call.
            time: The time at which metrics show it; the time of its record by default.
            replaced: The call as it was published before.
        """
        time = time or call.record.timestamp
        replaced_cost = replaced.cost if replaced else None
        return MeteredCall(call, time, self.name(call, time), call.cost, replaced, replaced_cost)

    def name(self, call: EnrichedCall, time: datetime) -> DimensionValues:
        """Name the dimensions of a call that metrics show at a time."""
        month = f"{time:%Y-%m}"
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
