"""The state of the brake, as `make doctor` reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk.config.brake_names import deny_policy_name, deny_policy_path
from lambdas.domain.budgets.governance_table import (
    BRAKE,
    DENIES,
    PARTITION_KEY,
    SORT_KEY,
    SWITCH_KEY,
)
from lambdas.domain.words import plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient


def describe_brake(dynamodb: DynamoDBClient, table: str) -> str:
    """Describe the switch, and how many callers have a deny."""
    answer = dynamodb.get_item(
        TableName=table, Key={PARTITION_KEY: {"S": BRAKE}, SORT_KEY: {"S": SWITCH_KEY}}
    )
    is_on = answer.get("Item", {}).get("is_on", {}).get("BOOL", False)
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=f"{PARTITION_KEY} = :denies",
        ExpressionAttributeValues={":denies": {"S": DENIES}},
        Select="COUNT",
    )
    count = sum(page["Count"] for page in pages)
    if is_on:
        callers = plural(count, "caller")
        return f"The brake is on. {callers} denied, or to be denied: bedrock-meter deny list."
    return "The brake is off. To deny callers: bedrock-meter deny switch on."


def find_left_policy(iam: IAMClient, region: str) -> str | None:
    """Find the deny policy of a Region if it is attached."""
    pages = iam.get_paginator("list_policies").paginate(
        Scope="Local", PathPrefix=deny_policy_path(region), OnlyAttached=True
    )
    found = [
        policy["Arn"]
        for page in pages
        for policy in page["Policies"]
        if policy["PolicyName"] == deny_policy_name(region)
    ]
    return found[0] if found else None
