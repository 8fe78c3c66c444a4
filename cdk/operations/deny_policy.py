"""The fixed policy with which the brake denies a principal.

`make bootstrap` makes it, and neither a function nor a deployment may change it: IAM has no
condition on the content of a policy, so whoever may write one that a function attaches can give
anyone any right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cdk.config.brake_names import deny_policy_name, deny_policy_path
from cdk.operations.managed_policy import ManagedPolicy
from lambdas.domain.brake import deny_in_region


@dataclass(frozen=True)
class DenyPolicy(ManagedPolicy):
    """The policy that denies a principal the use of Bedrock in a Region."""

    title = "Deny policy"
    description = "Bedrock Meter: denies the use of Bedrock to whoever it is attached to"

    @property
    def name(self) -> str:
        """The name of the managed policy."""
        return deny_policy_name(self.region)

    @property
    def path(self) -> str:
        """The path, below which nothing else of the meter writes."""
        return deny_policy_path(self.region)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The policy that this version needs."""
        return {"Version": "2012-10-17", "Statement": [deny_in_region(self.region)]}
