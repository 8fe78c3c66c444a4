"""Settings of the functions of the brake."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.domain.brake import OverflowMode
from lambdas.wiring.allowed_values import like
from lambdas.wiring.environment import EnvironmentSettings, from_json_text
from lambdas.wiring.governing_settings import GoverningSettings

MAX_DENIED = 20
"""The number of callers that are denied at once without an alarm."""
PrincipalPattern = Annotated[
    str,
    like(
        r"arn:(aws[a-z-]*|\*):iam::(\d{12}|\*):(role|user)/[\w+=,.@*-]{1,64}",
        "patterns of ARNs of roles and users without their paths, such as"
        " arn:aws:iam::111122223333:role/BreakGlass*",
    ),
]


class DenyRules(EnvironmentSettings):
    """The rules that decide who can be denied.

    Attributes:
        brake_sessions: True if single sessions may be denied.
        brake_overflow: What happens to sessions that no policy has room for.
        brake_exempt: Patterns of ARNs of principals that are never denied.
    """

    brake_sessions: bool = False
    brake_overflow: OverflowMode = OverflowMode.ROLE
    brake_exempt: Annotated[tuple[PrincipalPattern, ...], BeforeValidator(from_json_text)] = ()


class BrakingSettings(GoverningSettings, DenyRules):
    """The budgets, their sums, and the rules for denying their callers.

    Attributes:
        deny_policy_arn: The fixed policy that denies a principal.
        region: The Region whose use is denied.
        brake_max_denied: The number of denied callers above which people are alerted.
        deny_exhausted: True if callers whose credits are exhausted are denied, once the switch of
            credits is on.
    """

    deny_policy_arn: str = Field(min_length=1)
    region: str = Field(min_length=1)
    brake_max_denied: Annotated[int, Field(ge=1)] = MAX_DENIED
    deny_exhausted: bool = False
