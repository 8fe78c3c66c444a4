"""Acknowledgements of cdk-nag's findings, each beside its cause; `cdk.nag` matches them."""

from __future__ import annotations

from constructs import IConstruct

ACKNOWLEDGED = "bedrock-meter:acknowledged"
"""The type of the metadata that records an acknowledgement."""

UNKNOWN_NAMES = "The names of objects below this prefix are not known before."


def acknowledge(construct: IConstruct, rule: str, *, reason: str) -> None:
    """Acknowledge a rule's finding in a construct.

    Args:
        construct: The construct.
        rule: The rule's name in the pack AwsSolutions, such as `S1`.
        reason: The reason to accept the finding.
    """
    construct.node.add_metadata(ACKNOWLEDGED, {"rule": rule, "reason": reason})


def acknowledge_wildcard(
    construct: IConstruct, *, reason: str, action: str | None = None, resource: str | None = None
) -> None:
    """Acknowledge one wildcard of a construct's policies.

    Args:
        construct: The role, or the construct that owns it.
        reason: The reason to accept the wildcard.
        action: The action with a wildcard.
        resource: The resource with a wildcard; names that the CDK resolves later are allowed.
    """
    kind, value = ("Action", action) if resource is None else ("Resource", resource)
    construct.node.add_metadata(
        ACKNOWLEDGED, {"rule": "IAM5", "kind": kind, "value": value, "reason": reason}
    )
