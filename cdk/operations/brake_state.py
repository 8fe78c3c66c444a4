"""The state of the brake, as `make doctor` reports it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cdk.config.brake_names import deny_policy_name, deny_policy_path
from cdk.operations.denies import DeployedBrake
from lambdas.domain.brake import DenyState, SessionPolicyNames
from lambdas.domain.words import plural
from lambdas.meter_name import METER_NAME

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


def describe_brake(brake: DeployedBrake) -> str:
    """Describe the switch, and how many callers have a deny, by its state."""
    states = Counter(deny.state for deny in brake.denies.list_denies())
    is_on = brake.decisions.read_switch().is_on
    if not is_on and not states:
        return "The brake is off. To deny callers: bedrock-meter deny switch on."
    denied = f"{plural(states.pop(DenyState.DENIED, 0), 'caller')} denied"
    others = [f"{states[state]:,} {state}" for state in DenyState if state in states]
    switch = "on" if is_on else "off"
    return f"The brake is {switch}. {', '.join([denied, *others])}: bedrock-meter deny list."


def find_attached_policies(iam: IAMClient, region: str) -> list[str]:
    """Find the policies of the brake in a Region that are attached to something."""
    names = SessionPolicyNames(METER_NAME, region)
    own = [
        arn
        for name, arn in _list_attached(iam, deny_policy_path(region))
        if name == deny_policy_name(region)
    ]
    of_sessions = [
        arn
        for name, arn in _list_attached(iam, names.path)
        if names.read_role_name(name) is not None
    ]
    return own + of_sessions


def _list_attached(iam: IAMClient, path: str) -> list[tuple[str, str]]:
    """List the names and ARNs of attached policies below a path."""
    pages = iam.get_paginator("list_policies").paginate(
        Scope="Local", PathPrefix=path, OnlyAttached=True
    )
    return [(policy["PolicyName"], policy["Arn"]) for page in pages for policy in page["Policies"]]
