"""Settings of the gateway."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from lambdas.domain.bedrock_calls import NeedBounds
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.invocations.request_metadata import MAX_METADATA_LENGTH
from lambdas.wiring.allowed_values import like
from lambdas.wiring.environment import EnvironmentSettings, from_json_text

_Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
MaxOutputTokens = Annotated[dict[str, _Tokens], BeforeValidator(from_json_text)]
TraceShare = Annotated[Decimal, Field(ge=0, le=1)]
_DEFAULTS = NeedBounds()


class RelaySettings(EnvironmentSettings):
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
        brake_exempt: Patterns of principals that no budget denies.
        rate_limit_headers: True if answers show limits in the IETF's headers.
        kong_headers: True if they show them in those of Kong's plugin.
        trace_share: The share of calls whose traces are sent to AWS X-Ray; 0 for none.
    """

    governance_table: str = Field(min_length=3)
    limits_table: str = Field(min_length=3)
    caller_role_arn: str = Field(min_length=1)
    region: str = Field(min_length=1)
    bedrock_endpoint: Annotated[str, like("https?://.+", "a URL")] | None = None
    read_seconds: Annotated[int, Field(ge=1, le=900)] = 600
    max_output_tokens: Annotated[MaxOutputTokens, Field(default_factory=dict)]
    default_output_tokens: _Tokens = _DEFAULTS.default_output_tokens
    image_tokens: _Tokens = _DEFAULTS.image_tokens
    document_tokens: _Tokens = _DEFAULTS.document_tokens
    contracted_prices: str = "[]"
    assume_prices: bool = True
    price_bucket: str = ""
    state_table: str = ""
    project_name: Annotated[str, Field(min_length=1, max_length=MAX_METADATA_LENGTH)] | None = None
    attribution: Annotated[
        dict[str, Any], BeforeValidator(from_json_text), Field(default_factory=dict)
    ]
    brake_exempt: Annotated[tuple[str, ...], BeforeValidator(from_json_text)] = ()
    rate_limit_headers: bool = True
    kong_headers: bool = False
    trace_share: TraceShare = Decimal(0)

    @property
    def profiles_arn(self) -> str:
        """The beginning of the ARNs of the application inference profiles that are called here."""
        _, partition, _, _, account_id, _ = self.caller_role_arn.split(":", 5)
        return f"arn:{partition}:bedrock:{self.region}:{account_id}:{APPLICATION_PROFILE}"
