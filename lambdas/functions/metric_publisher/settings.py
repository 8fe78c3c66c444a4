"""The settings of `metric_publisher`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.publishing_settings import PublishingSettings


class Settings(PublishingSettings):
    """The metrics to publish, and the retention of their source.

    Attributes:
        stack_id: The stack that the function belongs to.
        ledger_retention_days: The days for which the ledger keeps calls. No call may
            expire before it is published.
        caller_role: The name of the role of the gateway's calls; `None` where there is no gateway.
    """

    stack_id: str = Field(min_length=1)
    ledger_retention_days: int = Field(default=90, ge=1)
    caller_role: str | None = Field(default=None, min_length=1)
