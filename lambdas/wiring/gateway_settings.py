"""Settings of the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lambdas.domain.bedrock_calls import NeedBounds
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.invocations.request_metadata import MAX_METADATA_LENGTH
from lambdas.wiring.plain_settings import (
    PlainSettings,
    flag,
    json_object,
    matching,
    share,
    text,
    whole_number,
    whole_numbers,
)

MAX_TOKENS = 100_000_000
"""The largest number of tokens that a bound can have."""
_TOKENS = whole_number(1, MAX_TOKENS)
_DEFAULTS = NeedBounds()


@dataclass(frozen=True, kw_only=True)
class RelaySettings(PlainSettings):
    """The keys, the role and the bounds of the gateway.

    Attributes:
        governance_table: The DynamoDB table with API keys.
        limits_table: The DynamoDB table of limits.
        caller_role_arn: The role that is assumed for each caller.
        region: The Region of Bedrock.
        bedrock_endpoint: The URL of bedrock-runtime, if it is not that of AWS's SDK.
        read_seconds: The longest pause between two pieces of an answer.
        max_output_tokens: The largest answers of models, by patterns of their ids, for requests
            that set no limit.
        default_output_tokens: The same of all other models.
        image_tokens: The most tokens of an image.
        document_tokens: The tokens of a document, a video or a sound.
        contracted_prices: The contracted prices, as a JSON list that is read once it is needed.
        assume_prices: True if a call whose place has no price gets the highest listed price of the
            partition; otherwise its price is not known.
        price_bucket: The bucket of price editions; empty for the shipped prices alone.
        state_table: The DynamoDB table of the meter's own state, with the models behind
            application inference profiles; empty to ask Bedrock alone.
        project_name: The name in request metadata that has the project of a key.
        attribution: The rules of attribution, as JSON. They are read once there is a budget.
        rate_limit_headers: True if answers show limits in the IETF's headers.
        kong_headers: True if they show them in those of Kong's plugin.
        refuse_exhausted: True if calls whose credits are exhausted are refused, once the switch of
            credits is on.
        trace_share: The share of calls whose traces are sent to AWS X-Ray; 0 for none.
    """

    governance_table: str = field(metadata=text(3))
    limits_table: str = field(metadata=text(3))
    caller_role_arn: str = field(metadata=text(1))
    region: str = field(metadata=text(1))
    bedrock_endpoint: str | None = field(default=None, metadata=matching("https?://.+", "a URL"))
    read_seconds: int = field(default=600, metadata=whole_number(1, 900))
    max_output_tokens: dict[str, int] = field(
        default_factory=dict, metadata=whole_numbers(1, MAX_TOKENS)
    )
    default_output_tokens: int = field(default=_DEFAULTS.default_output_tokens, metadata=_TOKENS)
    image_tokens: int = field(default=_DEFAULTS.image_tokens, metadata=_TOKENS)
    document_tokens: int = field(default=_DEFAULTS.document_tokens, metadata=_TOKENS)
    contracted_prices: str = field(default="[]", metadata=text())
    assume_prices: bool = field(default=True, metadata=flag())
    price_bucket: str = field(default="", metadata=text())
    state_table: str = field(default="", metadata=text())
    project_name: str | None = field(default=None, metadata=text(1, MAX_METADATA_LENGTH))
    attribution: dict[str, Any] = field(default_factory=dict, metadata=json_object())
    rate_limit_headers: bool = field(default=True, metadata=flag())
    kong_headers: bool = field(default=False, metadata=flag())
    refuse_exhausted: bool = field(default=False, metadata=flag())
    trace_share: Decimal = field(default=Decimal(0), metadata=share())

    @property
    def profiles_arn(self) -> str:
        """The beginning of the ARNs of the application inference profiles that are called here."""
        _, partition, _, _, account_id, _ = self.caller_role_arn.split(":", 5)
        return f"arn:{partition}:bedrock:{self.region}:{account_id}:{APPLICATION_PROFILE}"
