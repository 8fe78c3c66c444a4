"""Settings of functions that publish metrics of calls."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from lambdas.domain.metrics import DEFAULT_MAX_MODELS, DEFAULT_MAX_SERIES
from lambdas.domain.metrics.catalog import Detail
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.environment import from_json_text


def _check_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"no regular expression: {error}"
        raise ValueError(message) from None
    return pattern


# A query of CloudWatch Metrics Insights sees 500 series. An alarm that looks back over the turn of
# a month sees the identities of both months, and the rest as one more.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
MaxIdentities: TypeAlias = Annotated[int, Field(ge=1, le=248)]
MaxModels: TypeAlias = Annotated[int, Field(ge=1, le=248)]
RollUpPattern: TypeAlias = Annotated[str, AfterValidator(_check_expression)]


class PublishingSettings(CallSettings):
    """The detail of the published metrics, and the limits of their dimensions.

    Attributes:
        metric_detail: Every metric and dimension set is billed; `full` has more of them.
        max_identities: The number of identities a month that have metrics of their own.
        max_models: The number of models a month that have metrics of their own.
        role_rollup_patterns: Regular expressions, as a JSON list: names that are not people's.
    """

    metric_detail: Literal["standard", "full"] = "standard"
    max_identities: MaxIdentities = DEFAULT_MAX_SERIES
    max_models: MaxModels = DEFAULT_MAX_MODELS
    role_rollup_patterns: Annotated[tuple[RollUpPattern, ...], BeforeValidator(from_json_text)] = ()

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]
