"""Tables and topics that CloudFormation makes have Time to Live, backups and keys as in a template.

MiniStack's CloudFormation leaves these properties out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb, sns
from ministack.services.cloudformation import provisioners

_TOPIC_KEY = "KmsMasterKeyId"


def install() -> None:
    """Add them."""
    _add("AWS::DynamoDB::Table", _set_up_table)
    _add("AWS::SNS::Topic", _set_up_topic)


def _add(kind: str, set_up: Callable[[str, dict[str, Any]], None]) -> None:
    handler = provisioners._RESOURCE_HANDLERS[kind]
    create = handler["create"]

    def create_and_set_up(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        physical_id, attributes = create(logical_id, properties, stack)
        set_up(physical_id, properties)
        return physical_id, attributes

    provisioners._RESOURCE_HANDLERS[kind] = {**handler, "create": create_and_set_up}


def _set_up_table(name: str, properties: dict[str, Any]) -> None:
    if expiry := properties.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        dynamodb._update_continuous_backups(
            {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        )
    if encryption := properties.get("SSESpecification"):
        dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(encryption)


def _set_up_topic(arn: str, properties: dict[str, Any]) -> None:
    if key := properties.get(_TOPIC_KEY):
        sns._topics[arn]["attributes"][_TOPIC_KEY] = key
