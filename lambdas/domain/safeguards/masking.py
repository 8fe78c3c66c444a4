"""Compares what the metered log group masks with what was deployed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lambdas.domain.safeguards.deployed import DeployedResource, list_resources
from lambdas.domain.words import list_names

_LOG_GROUP = "AWS::Logs::LogGroup"
_POLICY = "DataProtectionPolicy"
_MANAGED = ":dataprotection::aws:data-identifier/"


def masked_identifiers(policy: Mapping[str, Any]) -> frozenset[str]:
    """Get the names of the data identifiers that a data protection policy masks.

    Everything else in the policy (its name, its audit statement) changes no log event. CloudWatch
    Logs may return it in another form than it was put. A custom identifier can have any name, also
    that of a managed one, and any pattern.

    >>> sorted(masked_identifiers({"Statement": [{
    ...     "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/Ssn-US", "Ssn-US"],
    ...     "Operation": {"Deidentify": {"MaskConfig": {}}},
    ... }]}))
    ['Ssn-US', 'Ssn-US (custom)']

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch-logs-data-protection-policies.html
    """
    return frozenset(
        identifier.partition(_MANAGED)[2] or f"{identifier} (custom)"
        for statement in policy.get("Statement", [])
        if "Deidentify" in statement.get("Operation", {})
        for identifier in statement.get("DataIdentifier", [])
    )


def find_deployed_masks(
    resources: Iterable[DeployedResource], log_group: str
) -> frozenset[str] | None:
    """Find the data identifiers that a deployed log group masks; `None` without a policy."""
    for group in list_resources(resources, _LOG_GROUP):
        if group.physical_id == log_group and (policy := group.properties.get(_POLICY)):
            return masked_identifiers(policy)
    return None


def compare_masks(
    deployed: frozenset[str], live: frozenset[str], *, log_group: str
) -> Iterator[str]:
    """Describe how the masks of a log group differ from those that were deployed."""
    if missing := deployed - live:
        yield f"log group {log_group} does not mask {list_names(missing)}"
    if added := live - deployed:
        yield f"log group {log_group} also masks {list_names(added)}"
