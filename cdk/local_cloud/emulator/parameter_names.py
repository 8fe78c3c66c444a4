"""A parameter that a template does not name is called without slashes, as AWS does.

MiniStack's name begins with one, which makes it another resource in policies.
"""

from __future__ import annotations

import uuid
from typing import Any

from ministack.services.cloudformation import provisioners

_TYPE = "AWS::SSM::Parameter"


def install() -> None:
    """Add it."""
    handler = provisioners._RESOURCE_HANDLERS[_TYPE]
    create = handler["create"]

    def create_named(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = f"CFN-{logical_id}-{uuid.uuid4().hex[:12]}"
        return create(logical_id, {"Name": name, **properties}, stack)

    provisioners._RESOURCE_HANDLERS[_TYPE] = {**handler, "create": create_named}
