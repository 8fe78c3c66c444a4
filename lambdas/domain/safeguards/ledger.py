"""Compares the meter's tables with the deployed ones: retention of items, streams, protection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.deployed import DeployedResource, list_resources, matches
from lambdas.domain.safeguards.topic import find_key
from lambdas.domain.words import show

_TABLE = "AWS::DynamoDB::Table"
_MAPPING = "AWS::Lambda::EventSourceMapping"


@dataclass(frozen=True, slots=True)
class Table:
    """A table, by the settings that protect its items and report changes.

    Attributes:
        stream_view: The part of items that its stream has; `None` without a stream.
        stream_arn: The newest stream.
        expiry_attribute: The attribute by which Time to Live deletes items; `None` where it is off.
        is_protected: Whether it is protected from deletion.
        is_recoverable: Whether it can be restored to a point in time.
        key: The key that encrypts it; `None` for one of AWS's.
        resource_policy: Its own policy, as JSON; `None` without one.
    """

    stream_view: str | None
    stream_arn: str | None
    expiry_attribute: str | None
    is_protected: bool
    is_recoverable: bool
    key: str | None = None
    resource_policy: str | None = None


def table_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed tables."""
    return [table.physical_id for table in list_resources(resources, _TABLE)]


def compare_tables(
    resources: Iterable[DeployedResource], live: Mapping[str, Table]
) -> Iterator[Drift]:
    """Find tables that are gone, lose items, or no longer report changes.

    Args:
        resources: The deployed resources.
        live: Tables by name.
    """
    resources = list(resources)
    for deployed in list_resources(resources, _TABLE):
        name = deployed.physical_id
        table = live.get(name)
        if table is None:
            texts = iter(["is gone"])
        else:
            sources = {
                str(mapping.properties.get("EventSourceArn"))
                for mapping in list_resources(resources, _MAPPING)
            }
            read = {source for source in sources if f":table/{name}/stream/" in source}
            key = find_key(resources) if "SSESpecification" in deployed.properties else None
            texts = _compare(deployed.properties, table, read, key)
        for text in texts:
            yield Drift(Subject.LEDGER, f"table {name} {text}")


def _compare(
    deployed: Mapping[str, Any], live: Table, read_streams: set[str], key: str | None
) -> Iterator[str]:
    view = deployed.get("StreamSpecification", {}).get("StreamViewType")
    if live.stream_view != view:
        yield f"has the stream view {show(live.stream_view)}, was {show(view)}"
    elif read_streams - {live.stream_arn}:
        yield "has a different stream from the one that MetricPublisher reads"
    expiry = deployed.get("TimeToLiveSpecification", {})
    attribute = expiry.get("AttributeName") if expiry.get("Enabled") else None
    if live.expiry_attribute != attribute:
        yield f"has Time to Live on {show(live.expiry_attribute)}, was {show(attribute)}"
    if deployed.get("DeletionProtectionEnabled") and not live.is_protected:
        yield "is no longer protected from deletion"
    recovery = deployed.get("PointInTimeRecoverySpecification", {})
    if recovery.get("PointInTimeRecoveryEnabled") and not live.is_recoverable:
        yield "can no longer be restored to a point in time"
    if (live.key or "").rpartition("/")[2] != (key or "").rpartition("/")[2]:
        yield f"is encrypted with key {show(live.key)}, was {show(key)}"
    yield from _compare_policies(
        deployed.get("ResourcePolicy", {}).get("PolicyDocument"), live.resource_policy
    )


def _compare_policies(deployed: Mapping[str, Any] | None, live: str | None) -> Iterator[str]:
    """Compare resource policies: one that was not deployed, and statements that are missing."""
    if deployed is None:
        if live is not None:
            yield f"has a resource policy: {show(live)}"
        return
    statements = _read_statements(live)
    for statement in deployed["Statement"]:
        if not any(matches(_cut(statement), _cut(found)) for found in statements):
            yield f"has a resource policy without the deployed statement {statement['Sid']}"


def _read_statements(policy: str | None) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(policy or "{}")
    except ValueError:
        return []
    statements = document.get("Statement", ()) if isinstance(document, dict) else ()
    return [statement for statement in statements if isinstance(statement, dict)]


def _cut(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out principal and resource, which DynamoDB may write in another form."""
    return {name: statement.get(name) for name in ("Sid", "Effect", "Action", "Condition")}
