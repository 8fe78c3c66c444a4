"""Tables, buckets, topics and functions that CloudFormation makes are set up as in a template.

MiniStack's CloudFormation leaves out Time to Live, backups, keys, tables' policies, Object Lock and
reserved concurrency.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb, lambda_svc, s3, sns
from ministack.services.cloudformation import provisioners

_RESERVED_CONCURRENCY = "ReservedConcurrentExecutions"
_TOPIC_KEY = "KmsMasterKeyId"


def install() -> None:
    """Add them."""
    _add("AWS::DynamoDB::Table", _set_up_table)
    _add("AWS::Lambda::Function", _set_up_function)
    _add("AWS::S3::Bucket", _set_up_bucket)
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
    if policy := properties.get("ResourcePolicy"):
        document = json.dumps(policy["PolicyDocument"])
        arn = dynamodb._tables[name]["TableArn"]
        dynamodb._put_resource_policy({"ResourceArn": arn, "Policy": document})


def _set_up_bucket(name: str, properties: dict[str, Any]) -> None:
    if properties.get("ObjectLockEnabled"):
        rule = properties.get("ObjectLockConfiguration", {}).get("Rule", {})
        retention = rule.get("DefaultRetention")
        s3._bucket_object_lock[name] = {"enabled": True, "default_retention": retention}


def _set_up_function(name: str, properties: dict[str, Any]) -> None:
    reserved = properties.get(_RESERVED_CONCURRENCY)
    if reserved is not None:
        lambda_svc._put_function_concurrency(name, {_RESERVED_CONCURRENCY: int(reserved)})


def _set_up_topic(arn: str, properties: dict[str, Any]) -> None:
    if key := properties.get(_TOPIC_KEY):
        sns._topics[arn]["attributes"][_TOPIC_KEY] = key
