"""Names of roles in settings."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from lambdas.wiring.allowed_values import like

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
RoleName: TypeAlias = Annotated[str, like(r"[\w+=,.@-]{1,64}", "the name of a role")]
