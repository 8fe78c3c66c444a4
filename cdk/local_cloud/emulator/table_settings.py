"""A table that CloudFormation makes has Time to Live, backups and key as in its template.

MiniStack's CloudFormation leaves these properties out.
"""

from __future__ import annotations

from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::DynamoDB::Table"


def install() -> None:
    """Add it."""
    handler = provisioners._RESOURCE_HANDLERS[_TYPE]
    create = handler["create"]

    def create_with_settings(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        if expiry := properties.get("TimeToLiveSpecification"):
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
        if recovery := properties.get("PointInTimeRecoverySpecification"):
            dynamodb._update_continuous_backups(
                {"TableName": name, "PointInTimeRecoverySpecification": recovery}
            )
        if encryption := properties.get("SSESpecification"):
            dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(
                encryption
            )
        return name, attributes

    provisioners._RESOURCE_HANDLERS[_TYPE] = {**handler, "create": create_with_settings}
