"""A call as it is asked for and as it is served: what beside its tokens decides on its price."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lambdas.domain.invocations.billed_units import NO_UNITS, BilledUnits
from lambdas.domain.invocations.usage_record import UsageRecord


class AskedCall(NamedTuple):
    """A call before it is made.

    Attributes:
        invoked_model_id: The id or ARN of its model.
        operation: The operation, as invocation logs name it.
        service_tier: The service tier that it asks for; `None` for the standard one.
        at: Its time.
    """

    invoked_model_id: str
    operation: str
    service_tier: str | None
    at: datetime


class ServedCall(NamedTuple):
    """The service of a call, as its answer reports it. See `UsageRecord` for the fields.

    Attributes:
        service_tier: The tier that served it; `None` for the standard one.
        largest_sampling_tokens: The input tokens of its largest sampling, if there were several.
        billed_units: The other units that it is billed for.
    """

    service_tier: str | None = None
    largest_sampling_tokens: int | None = None
    billed_units: BilledUnits = NO_UNITS

    @classmethod
    def from_record(cls, record: UsageRecord) -> ServedCall:
        """Read the service of a recorded call."""
        return cls(record.service_tier, record.largest_sampling_tokens, record.billed_units)
