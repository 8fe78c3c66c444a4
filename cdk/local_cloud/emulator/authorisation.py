"""Requests are allowed and denied as on AWS, where MiniStack evaluates policies (`AUTH=true`).

Its known gaps: it does not know the condition keys `cloudwatch:namespace`,
`dynamodb:LeadingKeys`, `events:source`, `iam:PolicyARN`, `iam:ResourceTag`,
`kms:EncryptionContext` and, of event source mappings, `lambda:FunctionArn`
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html); it knows an action
`bedrock:Converse`, which AWS has not (`InvokeModel` allows it); it takes a session for the
principal of the key `aws:PrincipalArn`, which is its role; it does not evaluate
the resource policies of DynamoDB's tables
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn);
each part of a transaction has the condition keys of its own item alone
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html);
and what asks for TLS can never be reached over http, which stands for TLS on the loopback address.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, iam, lambda_svc

_LEADING_KEYS = "dynamodb:leadingkeys"
_PRINCIPAL = "aws:principalarn"
_ENCRYPTION_CONTEXT = "kms:encryptioncontext:"
_STARTED_FUNCTION = "lambda:functionarn"
_MAPPING = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d+:event-source-mapping:(.+)")
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.+")
_EQUAL = re.compile(r"(#?\w+)\s*=\s*(:\w+)")
_GZIP = b"\x1f\x8b"
_ACTIONS = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}


class _ItemTable(str):
    """The ARN of the table of one part of a transaction, with the partition key of its item."""

    __slots__ = ("key",)
    key: str


def install() -> None:
    """Add it."""
    checks_of = iam_actions.dynamodb_transaction_checks
    enforce, context_of = iam_evaluator.enforce, iam_actions.request_tag_context
    pin_origin, resolve = app.pin_request_origin, iam_evaluator._resolve_condition_key

    def enforce_as_aws(access_key: str, action: str, *rest: Any, **more: Any) -> Any:
        if isinstance(table := more.get("resource_arn"), _ItemTable):
            more["service_context"] = {**more["service_context"], _LEADING_KEYS: [table.key]}
        return enforce(access_key, _ACTIONS.get(action, action), *rest, **more)

    def context_as_aws_has_it(
        service: str, action: str, body: bytes, *rest: Any, **more: Any
    ) -> dict[str, Any]:
        context: dict[str, Any] = context_of(service, action, body, *rest, **more)
        context |= _describe_iam_request(service, *rest)
        context |= _describe_kms_request(service, body)
        if action == "cloudwatch:PutMetricData":
            unpacked = gzip.decompress(body) if body.startswith(_GZIP) else body
            context["cloudwatch:namespace"] = json.loads(unpacked)["Namespace"]
        if service == "dynamodb" and (keys := list(_leading_keys(json.loads(body or b"{}")))):
            context[_LEADING_KEYS] = keys  # names are looked up in lower case
        if action == "events:PutEvents":
            entries = json.loads(body or b"{}").get("Entries", ())
            context["events:source"] = [entry["Source"] for entry in entries if "Source" in entry]
        return context

    def checks_as_aws(action: str, body: bytes, *rest: Any) -> list[tuple[str, str]]:
        return _with_keys(checks_of(action, body, *rest), body)

    def resolve_as_aws(key: str, request: iam_evaluator.EvalContext) -> Any:
        if key.lower() == _STARTED_FUNCTION:
            return _started_function(request.resource_arn)
        value = resolve(key, request)
        session = _SESSION.fullmatch(value) if key.lower() == _PRINCIPAL else None
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else value

    iam_actions.dynamodb_transaction_checks = checks_as_aws
    dynamodb.table_policy_for_arn = _find_table_policy
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    iam_evaluator._resolve_condition_key = resolve_as_aws
    iam_evaluator.enforce = enforce_as_aws
    iam_actions.request_tag_context = context_as_aws_has_it
    app.pin_request_origin = lambda address, _is_tls: pin_origin(address, True)  # noqa: FBT003  # as MiniStack has it


def _describe_iam_request(service: str, parameters: dict[str, Any]) -> dict[str, str]:
    """The policy that a request attaches or detaches, and the tags of its role or user.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    if service != "iam":
        return {}
    policy, role, user = (
        iam_actions._query_param(parameters, name) for name in ("PolicyArn", "RoleName", "UserName")
    )
    entity = (iam._roles.get(role) if role else iam._users.get(user)) or {}
    context = {
        f"iam:resourcetag/{tag['Key'].lower()}": tag["Value"] for tag in entity.get("Tags", ())
    }
    if policy:
        context["iam:policyarn"] = policy
    return context


def _describe_kms_request(service: str, body: bytes) -> dict[str, str]:
    """The encryption context of a request."""
    bound = json.loads(body or b"{}").get("EncryptionContext", {}) if service == "kms" else {}
    return {f"{_ENCRYPTION_CONTEXT}{name.lower()}": bound[name] for name in bound}


def _with_keys(checks: list[tuple[str, str]], body: bytes) -> list[tuple[str, str]]:
    """Add the keys of their items to the checks of a transaction's parts."""
    keys = list(_leading_keys(json.loads(body))) if checks else []
    if len(keys) != len(checks):
        return checks  # of a table that is not there
    parts: list[tuple[str, str]] = []
    for (action, arn), key in zip(checks, keys, strict=True):
        table = _ItemTable(arn)
        table.key = key
        parts.append((action, table))
    return parts


def _started_function(resource: str) -> str | None:
    """The function that an event source mapping starts; `None` for any other resource."""
    named = _MAPPING.fullmatch(resource)
    mapping = lambda_svc._esms.get(named[1]) if named else None
    return mapping and mapping["FunctionArn"]


def _find_table_policy(arn: str) -> tuple[str, str]:
    """Find the resource policy of a table, and the account that owns the table."""
    found = dynamodb._resource_policies.get(arn)
    return found["Policy"] if found else "", arn.split(":")[4]


def _leading_keys(request: dict[str, Any]) -> Iterator[str]:
    """The partition keys that a request names: of all items, of all parts, or of its query."""
    yield from _queried_keys(request)
    for table, attributes in _named_items(request):
        if (described := dynamodb._tables.get(table)) is not None:  # no other way
            yield next(iter(attributes[described["pk_name"]].values()))


def _queried_keys(request: dict[str, Any]) -> Iterator[str]:
    """The partition key of a query, of its table or of its index."""
    described = dynamodb._tables.get(request.get("TableName"))
    if described is None or "KeyConditionExpression" not in request:
        return
    schema = described["KeySchema"]
    for index in described.get("GlobalSecondaryIndexes") or ():
        if index["IndexName"] == request.get("IndexName"):
            schema = index["KeySchema"]
    partition_key = schema[0]["AttributeName"]
    names = request.get("ExpressionAttributeNames", {})
    for name, value in _EQUAL.findall(request["KeyConditionExpression"]):
        if names.get(name, name) == partition_key:
            yield next(iter(request["ExpressionAttributeValues"][value].values()))


def _named_items(request: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tables, and keys or items in them.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
    """
    for part in request.get("TransactItems", ()):
        for operation in part.values():
            yield from _named_items(operation)
    for name in ("Item", "Key"):
        if name in request:
            yield request["TableName"], request[name]
    for table, asked in request.get("RequestItems", {}).items():
        if isinstance(asked, dict):
            yield from ((table, key) for key in asked["Keys"])
            continue
        for write in asked:
            for operation in write.values():
                yield table, operation.get("Item") or operation["Key"]
