"""Requests have the actions and resources that AWS names, where MiniStack evaluates policies.

MiniStack takes reads of mappings, reserved concurrency and retries for other actions, puts the bus
into the ARNs of rules on the default bus, and does not find the log group, rule or table of some
reads, nor the policy that is created, and takes an application inference profile for another kind.
Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions
from ministack.services import bedrock

_LAMBDA_READS = (
    (re.compile(r"/event-source-mappings/[^/]+/?$"), "lambda:GetEventSourceMapping"),
    (re.compile(r"/functions/[^/]+/concurrency/?$"), "lambda:GetFunctionConcurrency"),
    (
        re.compile(r"/functions/[^/]+/event-invoke-config/?$"),
        "lambda:GetFunctionEventInvokeConfig",
    ),
)
_PROFILES, _TAGS = "/inference-profiles/", "/listTagsForResource"


def install() -> None:
    """Add it."""
    action_of, resource_of = iam_actions.extract_iam_action, iam_actions.extract_resource_arn

    def action_as_aws(service: str, method: str, path: str, *rest: Any, **more: Any) -> Any:
        if service == "lambda" and method == "GET":
            for pattern, action in _LAMBDA_READS:
                if pattern.search(path):
                    return action
        return action_of(service, method, path, *rest, **more)

    def resource_as_aws(service: str, *request: Any) -> Any:
        _, path, _, body, parameters, region, account = request
        if service == "bedrock" and (arn := _find_profile(path, body)):
            return arn
        if service == "iam" and iam_actions._query_param(parameters, "Action") == "CreatePolicy":
            return _name_policy(parameters, account)
        if service == "dynamodb" and (arn := json.loads(body or b"{}").get("ResourceArn")):
            return arn
        if service in {"events", "logs"} and (name := _name(json.loads(body or b"{}"))):
            kind = "log-group:" if service == "logs" else "rule/"
            return f"arn:aws:{service}:{region}:{account}:{kind}{name}"
        return resource_of(service, *request)

    iam_actions.extract_iam_action = action_as_aws
    iam_actions.extract_resource_arn = resource_as_aws


def _find_profile(path: str, body: bytes) -> str | None:
    """The ARN of the application inference profile that a request reads, or whose tags."""
    if path == _TAGS:
        arn: str | None = json.loads(body).get("resourceARN")
        return arn
    name = unquote(path).rpartition("/")[-1]
    profile = bedrock._inference_profiles_apps.get(name) if path.startswith(_PROFILES) else None
    return profile and profile["InferenceProfileArn"]


def _name_policy(parameters: dict[str, Any], account: str) -> str:
    """The ARN that a new policy will have."""
    name, path = (iam_actions._query_param(parameters, field) for field in ("PolicyName", "Path"))
    return f"arn:aws:iam::{account}:policy{path or '/'}{name}"


def _name(request: dict[str, Any]) -> str | None:
    """The log group or the rule of the default bus that a request names."""
    if "EventBusName" in request:
        return None
    return request.get("logGroupIdentifier") or request.get("Name") or request.get("Rule")
