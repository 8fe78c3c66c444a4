"""What functions that publish metrics of calls are told by their environment."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.metering.identity_folding import DEFAULT_BOUND
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.domain.pricing import Pricing
from lambdas.functions.environment import EnvironmentSettings, from_json_text
from lambdas.functions.negotiated_prices import NegotiatedPriceSetting, pricing_with


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
IdentityBound: TypeAlias = Annotated[int, Field(ge=1, le=249)]
FoldingPattern: TypeAlias = Annotated[str, AfterValidator(_check_expression)]


class PublishingSettings(EnvironmentSettings):
    """How much is published, for whom, and at what prices.

    Attributes:
        account_id: The account whose profiles, roles and users have tags.
        ledger_table: The DynamoDB table that also remembers the month's identities.
        metric_detail: Every metric and dimension set is billed; `full` has more of them.
        identity_bound: How many identities a month have metrics of their own.
        folding_patterns: Regular expressions, as a JSON list: session names that are no people.
        negotiated_prices: What is paid instead of list prices, as a JSON list.
        attribution: What calls are put down to, as JSON.
    """

    account_id: str = Field(min_length=1)
    ledger_table: str = Field(min_length=3)
    metric_detail: Literal["standard", "full"] = "standard"
    identity_bound: IdentityBound = DEFAULT_BOUND
    folding_patterns: Annotated[tuple[FoldingPattern, ...], BeforeValidator(from_json_text)] = ()
    negotiated_prices: Annotated[
        tuple[NegotiatedPriceSetting, ...], BeforeValidator(from_json_text)
    ] = ()
    attribution: Annotated[AttributionRules, BeforeValidator(from_json_text)] = AttributionRules()

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]

    @property
    def pricing(self) -> Pricing:
        """What calls cost: shipped prices, and what was negotiated."""
        return pricing_with(self.negotiated_prices)
