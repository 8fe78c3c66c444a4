"""CloudFormation sets a role's permissions boundary, which has to exist, as on AWS.

MiniStack evaluates boundaries, but its CloudFormation ignores that property of a role.
"""

from __future__ import annotations

from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::IAM::Role"
_PROPERTY = "PermissionsBoundary"


def install() -> None:
    """Add it."""
    handler = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handler["create"], handler["update"]

    def create_within(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        _check(properties)
        name, attributes = create(logical_id, properties, stack)
        iam._roles[name][_PROPERTY] = properties.get(_PROPERTY)
        return name, attributes

    def update_within(
        name: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str
    ) -> Any:
        _check(new)
        updated = update(name, old, new, stack, logical_id)
        iam._roles[updated[0]][_PROPERTY] = new.get(_PROPERTY)
        return updated

    provisioners._RESOURCE_HANDLERS[_TYPE] = {
        **handler,
        "create": create_within,
        "update": update_within,
    }


def _check(properties: dict[str, Any]) -> None:
    boundary = properties.get(_PROPERTY)
    if boundary is not None and not iam._policy_exists(boundary):
        message = f"Scope ARN: {boundary} does not exist or is not attachable."
        raise ValueError(message)
