"""Shows sessions of machines as their role in metrics, since each metric costs money.

This changes metrics only; the ledger and every report keep the whole ARN.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lambdas.domain.invocations import CallerIdentity, IdentityKind
from lambdas.domain.metrics.catalog import dimension_value

OTHER_IDENTITIES = "__other__"
"""The dimension value of every identity past the limit."""
DEFAULT_MAX_SERIES = 200
"""The number of identities a month with metrics of their own, by default."""
SESSIONS_PER_ROLE = 20
"""A role with more sessions than this in a month is shown as the role alone."""

_UUID = r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
SHIPPED_PATTERNS: tuple[str, ...] = (
    _UUID,
    rf".+[-_.@]{_UUID}",  # `BedrockAgentCore-<uuid>`
    r"i-[0-9a-f]{8,17}",  # an EC2 instance
    r"[0-9]{10,19}",  # a point in time, as SDKs name sessions
    r".+[-_.@][0-9]{10,19}",  # `botocore-session-1757334633`, `aws-go-sdk-...`
    r"DocumentLoaderTask-.+",  # a Knowledge Base's ingestion
)
"""Session names that are not those of people. Each matches a whole name, upper or lower case."""


class RoleRollUp:
    """Chooses the value of the dimension `IdentityArn` for a caller, before any limit."""

    def __init__(self, configured_patterns: Sequence[str] = ()) -> None:
        """Use the shipped patterns and more.

        Raises:
            re.error: A configured pattern is not a regular expression.
        """
        patterns = (*SHIPPED_PATTERNS, *configured_patterns)
        self._machine_session = re.compile(
            "|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE
        )

    def dimension_value(self, identity_arn: str) -> str:
        """The whole ARN, or that of the role where the session is not a person's."""
        caller = CallerIdentity.from_arn(identity_arn)
        arn = get_role(caller) if self.is_machine_session(caller) else identity_arn
        return dimension_value(arn)

    def is_machine_session(self, caller: CallerIdentity) -> bool:
        """Return true when a caller is a session whose name is not a person's."""
        name = caller.session_name
        return name is not None and self._machine_session.fullmatch(name) is not None


class Admission(Enum):
    """The decision whether an identity has metrics of its own this month."""

    ADMITTED = "admitted"
    ROLE_IS_FULL = "role_is_full"
    """Its role has too many sessions to show each."""
    FULL = "full"
    """The month has as many identities as configuration allows."""


class IdentityRegistry(Protocol):
    """The identities that have metrics of their own, month by month."""

    def admit(self, month: str, value: str, role: str | None) -> Admission:
        """Admit a dimension value in a month (`2026-09`), or say why not.

        An admitted identity stays admitted for the month. A session is counted with its role.
        """


@dataclass(frozen=True, slots=True)
class BoundedIdentities:
    """Chooses the value of the dimension `IdentityArn` within the cardinality limit."""

    role_roll_up: RoleRollUp
    registry: IdentityRegistry

    def name(self, identity_arn: str, month: str) -> str:
        """Name a caller as metrics do: the whole ARN, the role's, or `OTHER_IDENTITIES`."""
        value = self.role_roll_up.dimension_value(identity_arn)
        role = dimension_value(get_role(CallerIdentity.from_arn(identity_arn)))
        admission = self.registry.admit(month, value, role if role != value else None)
        if admission is Admission.ROLE_IS_FULL:
            value, admission = role, self.registry.admit(month, role, None)
        return value if admission is Admission.ADMITTED else OTHER_IDENTITIES


def get_role(caller: CallerIdentity) -> str:
    """The ARN of the role behind a session, without the path that STS leaves out."""
    if caller.kind is not IdentityKind.ROLE_SESSION:
        return caller.arn
    return f"arn:{caller.partition or ''}:iam::{caller.account_id or ''}:{caller.principal}"
