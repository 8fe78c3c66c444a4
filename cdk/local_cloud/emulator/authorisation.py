"""Requests are allowed and denied as on AWS, where MiniStack evaluates policies (`AUTH=true`).

Its known gaps: it does not know the condition keys `cloudwatch:namespace`,
`dynamodb:LeadingKeys`, `events:source`, `iam:PolicyARN` and `iam:ResourceTag`; it knows an action
`bedrock:Converse`, which AWS has not (`InvokeModel` allows it); it takes a session for the
principal of the key `aws:PrincipalArn`, which is its role
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn);
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
from ministack.services import dynamodb, iam

_PRINCIPAL = "aws:principalarn"
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/.+")
_PARTITION = re.compile(r"\s*#?\w+\s*=\s*(:\w+)")
_GZIP = b"\x1f\x8b"
_ACTIONS = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}


def install() -> None:
    """Add it."""
    enforce, context_of = iam_evaluator.enforce, iam_actions.request_tag_context
    pin_origin, resolve = app.pin_request_origin, iam_evaluator._resolve_condition_key

    def enforce_as_aws(access_key: str, action: str, *rest: Any, **more: Any) -> Any:
        return enforce(access_key, _ACTIONS.get(action, action), *rest, **more)

    def context_as_aws_has_it(
        service: str, action: str, body: bytes, *rest: Any, **more: Any
    ) -> dict[str, Any]:
        context: dict[str, Any] = context_of(service, action, body, *rest, **more)
        if action == "cloudwatch:PutMetricData":
            unpacked = gzip.decompress(body) if body.startswith(_GZIP) else body
            context["cloudwatch:namespace"] = json.loads(unpacked)["Namespace"]
        if service == "iam":
            context |= _describe_iam_request(*rest)
        if service == "dynamodb" and (keys := list(_leading_keys(json.loads(body or b"{}")))):
            context["dynamodb:leadingkeys"] = keys  # names are looked up in lower case
        if action == "events:PutEvents":
            entries = json.loads(body or b"{}").get("Entries", ())
            context["events:source"] = [entry["Source"] for entry in entries if "Source" in entry]
        return context

    def resolve_as_aws(key: str, request: iam_evaluator.EvalContext) -> Any:
        value = resolve(key, request)
        session = _SESSION.fullmatch(value) if key.lower() == _PRINCIPAL else None
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else value

    iam_evaluator._resolve_condition_key = resolve_as_aws
    iam_evaluator.enforce = enforce_as_aws
    iam_actions.request_tag_context = context_as_aws_has_it
    app.pin_request_origin = lambda address, _is_tls: pin_origin(address, True)  # noqa: FBT003  # as MiniStack has it


def _describe_iam_request(parameters: dict[str, Any]) -> dict[str, str]:
    """The policy that a request attaches or detaches, and the tags of its role or user.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
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


def _leading_keys(request: dict[str, Any]) -> Iterator[str]:
    """The partition keys of all items that a request names; of a transaction, of all its parts.

    A query names one, which its expression compares first.
    """
    condition = _PARTITION.match(request.get("KeyConditionExpression", ""))
    if condition is not None:
        yield from request["ExpressionAttributeValues"][condition[1]].values()
    for table, attributes in _named_items(request):
        if (described := dynamodb._tables.get(table)) is not None:  # no other way
            yield next(iter(attributes[described["pk_name"]].values()))


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
