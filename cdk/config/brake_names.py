"""The name and the path of the policy that denies principals."""

from __future__ import annotations

from lambdas.meter_name import METER_NAME

DENY_PATH = "/bedrock-meter-deny/"
"""The path of the fixed policies of all meters; a folder for each Region follows.

Functions write policies of sessions below another path, so they cannot change these.
"""


def deny_policy_name(region: str) -> str:
    """Name the fixed policy of a Region; names are unique in an account, whatever their path."""
    return f"{METER_NAME}-Deny-{region}"


def deny_policy_path(region: str) -> str:
    """Return the path of the fixed policies of a Region."""
    return f"{DENY_PATH}{region}/"
