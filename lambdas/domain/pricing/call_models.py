"""The models and tiers that decide on the price of a call."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.invocations import CallVariant, UsageRecord
from lambdas.domain.pricing.cost import CallCost, Cost


class CallModels(NamedTuple):
    """The models and service tiers that a call may be priced as.

    Attributes:
        own: Those of its record.
        disputed: Those of its readings, where these disagree.
    """

    own: CallVariant
    disputed: tuple[CallVariant, ...] = ()

    @property
    def possible(self) -> tuple[CallVariant, ...]:
        """Each model and tier that a reading reports."""
        return self.disputed or (self.own,)

    def get_priced(self, cost: CallCost) -> CallVariant:
        """Get the model and tier of a cost: if readings disagree, the most expensive one."""
        variant = cost.variant if isinstance(cost, Cost) else None
        return variant or self.own


def read_models(record: UsageRecord) -> CallModels:
    """Read the models that a record and its disputed readings name."""
    own = CallVariant(record.model_id, record.invoked_model_id, record.service_tier)
    return CallModels(own, record.conflicts.variants if record.conflicts else ())
