"""A topic that CloudFormation makes says which key encrypts its messages.

MiniStack's CloudFormation leaves that property out.
"""

from __future__ import annotations

from typing import Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::SNS::Topic"
_KEY = "KmsMasterKeyId"


def install() -> None:
    """Add it."""
    handler = provisioners._RESOURCE_HANDLERS[_TYPE]
    create = handler["create"]

    def create_with_key(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        arn, attributes = create(logical_id, properties, stack)
        if key := properties.get(_KEY):
            sns._topics[arn]["attributes"][_KEY] = key
        return arn, attributes

    provisioners._RESOURCE_HANDLERS[_TYPE] = {**handler, "create": create_with_key}
