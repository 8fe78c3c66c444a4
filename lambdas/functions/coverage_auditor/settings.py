"""The settings of `coverage_auditor`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.counters import CellMinutes
from lambdas.domain.metrics import DEFAULT_MAX_MODELS
from lambdas.wiring.environment import EnvironmentSettings, from_json_text
from lambdas.wiring.publishing_settings import MaxModels


class Settings(EnvironmentSettings):
    """The destination of findings, and the data that they are based on.

    Attributes:
        topic_arn: The topic that people subscribe to.
        state_table: The table that has the models of application inference profiles.
        profiles_arn: The beginning of the ARNs of the account's profiles, up to their ids.
        stack_id: The stack of the function; what was before its creation is not audited.
        max_models: The number of models a month that have metrics of their own.
        alarm_metric: The metric that alarms on each identity and model look at.
        counter_table: The table of exact counters; `None` where governance is off.
        cell_minutes: The length of their short cells.
    """

    topic_arn: str = Field(min_length=1)
    state_table: str = Field(min_length=3)
    profiles_arn: str = Field(min_length=1)
    stack_id: str = Field(min_length=1)
    max_models: MaxModels = DEFAULT_MAX_MODELS
    alarm_metric: str = Field(min_length=1)
    counter_table: str | None = Field(default=None, min_length=3)
    cell_minutes: Annotated[CellMinutes, BeforeValidator(from_json_text)] = 60
