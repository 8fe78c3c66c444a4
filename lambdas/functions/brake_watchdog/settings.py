"""The settings of `brake_watchdog`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.environment import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Stored denies, and the policy that is attached for them.

    Attributes:
        governance_table: The DynamoDB table of budgets and denies.
        deny_policy_arn: The fixed policy that denies a principal.
    """

    governance_table: str = Field(min_length=3)
    deny_policy_arn: str = Field(min_length=1)
