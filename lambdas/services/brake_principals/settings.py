"""The settings of the brake."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.brake import OverflowMode, SessionPolicyNames, TargetRules


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeSettings:
    """The settings of the brake.

    Attributes:
        rules: The rules of targets.
        names: The names of session policies.
        overflow: What happens to sessions that no policy has room for.
        max_denied: The number of denied callers above which people are alerted.
    """

    rules: TargetRules
    names: SessionPolicyNames
    overflow: OverflowMode = OverflowMode.ROLE
    max_denied: int = 20
