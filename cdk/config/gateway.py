"""Settings of the gateway: calls of Amazon Bedrock within token limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lambdas.domain.invocations.request_metadata import (
    METADATA_FORM,
    RESERVED_NAMES,
    is_metadata_text,
)
from lambdas.wiring.allowed_values import SettingsModel, allowed, like
from lambdas.wiring.environment import from_json_text
from lambdas.wiring.gateway_settings import MAX_TOKENS

_NONE = "none"
_Tokens = Annotated[int, Field(strict=True, ge=1, le=MAX_TOKENS)]
_ModelPattern = Annotated[
    str, like(r"[^?\[\]]{1,256}", "a text of up to 256 letters, in which * stands for any text")
]
_ProjectName = Annotated[
    str,
    allowed(f"{METADATA_FORM}, as Bedrock takes it", is_metadata_text),
    allowed(
        f"another name than {', '.join(sorted(RESERVED_NAMES))}, which the gateway itself uses",
        lambda name: name not in RESERVED_NAMES,
    ),
]


def _read_concurrency(value: object) -> object:
    """Read `-c gateway_concurrency=50`, and refuse all but a number or `none`."""
    try:
        number = value if value == _NONE else from_json_text(value)
    except ValueError:
        number = None
    if number == _NONE or (type(number) is int and number > 0):
        return number
    message = f'allowed: a whole number from 1, or "{_NONE}"'
    raise ValueError(message)


class GatewaySettings(SettingsModel):
    """Settings that switch the gateway on.

    Attributes:
        gateway: Deploy the gateway.
        gateway_concurrency: The calls that it serves at a time, reserved in the account.
        gateway_max_output_tokens: The largest answers of models, by patterns of their ids, for
            requests that set no limit.
        gateway_project_name: The name in request metadata that has the project of a key.
        gateway_rate_limit_headers: Show limits in the IETF's headers.
        gateway_kong_headers: Show limits in the headers of Kong's plugin.
        gateway_trace_share: The share of calls whose traces are sent to AWS X-Ray.
    """

    gateway: bool = False
    gateway_concurrency: Annotated[int | Literal["none"], BeforeValidator(_read_concurrency)] = 50
    gateway_max_output_tokens: Annotated[
        dict[_ModelPattern, _Tokens], BeforeValidator(from_json_text)
    ] = Field(default_factory=dict)
    gateway_project_name: _ProjectName | None = None
    gateway_rate_limit_headers: bool = True
    gateway_kong_headers: bool = False
    gateway_trace_share: Annotated[Decimal, Field(ge=0, le=1)] = Decimal(0)

    @property
    def reserved_concurrency(self) -> int | None:
        """The calls of the gateway that are reserved in the account; `None` for none."""
        return self.gateway_concurrency if isinstance(self.gateway_concurrency, int) else None

    @property
    def has_gateway_traces(self) -> bool:
        """True if the gateway sends traces."""
        return self.gateway and self.gateway_trace_share > 0
