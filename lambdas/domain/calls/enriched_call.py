"""A call with its model, its labels and its cost."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.attribution import Attribution
from lambdas.domain.invocations import CallVariant, UsageRecord
from lambdas.domain.pricing import CallCost, CallModels


class EnrichedCall(NamedTuple):
    """A call with everything that a report or a metric needs of it.

    Attributes:
        record: The call as it was made, with the model that the caller named.
        models: The foundation models and tiers that it may be priced as, behind inference profiles.
        attribution: Its project, department and use case.
        cost: Its cost, or why that is not known; `None` for a failed call.
    """

    record: UsageRecord
    models: CallModels
    attribution: Attribution
    cost: CallCost

    @property
    def priced_as(self) -> CallVariant:
        """The model and tier that were priced: if readings disagree, the most expensive one."""
        return self.models.get_priced(self.cost)

    @property
    def model_id(self) -> str:
        """The foundation model."""
        return self.priced_as.model_id
