"""Resource types that only store a definition.

MiniStack's CloudFormation refuses stacks with them. The emulator does not evaluate them.
"""

from __future__ import annotations

import uuid
from typing import Any

from ministack.services.cloudformation import provisioners

_TYPES = ("AWS::CloudWatch::InsightRule", "AWS::Logs::QueryDefinition")


def install() -> None:
    """Add them."""
    for name in _TYPES:
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": _create,
            "update": _update,
            "delete": _delete,
        }


def _create(
    _logical_id: str, properties: dict[str, Any], _stack: str
) -> tuple[str, dict[str, Any]]:
    return properties.get("RuleName", str(uuid.uuid4())), {}


def _update(
    physical_id: str, _old: dict[str, Any], _new: dict[str, Any], _stack: str
) -> tuple[str, dict[str, Any]]:
    return physical_id, {}


def _delete(_physical_id: str, _properties: dict[str, Any]) -> None:
    """Do nothing: they are deleted with their stack."""
