"""What `coverage_auditor` is told by its environment."""

from __future__ import annotations

from pydantic import Field

from lambdas.functions.environment import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Where findings go.

    Attributes:
        topic_arn: The topic that people subscribe to.
    """

    topic_arn: str = Field(min_length=1)
