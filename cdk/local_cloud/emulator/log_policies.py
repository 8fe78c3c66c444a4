"""Log groups have data protection policies, and report no other policies and no transformers.

MiniStack's CloudWatch Logs does not know the actions, and its CloudFormation leaves the property
out. Policies are stored, and nothing is masked.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cloudwatch_logs
from ministack.services.cloudformation import provisioners

_NONE: dict[str, dict[str, Any]] = {
    "DescribeAccountPolicies": {"accountPolicies": []},
    "GetTransformer": {},
}
_DATA_PROTECTION = {
    "DeleteDataProtectionPolicy",
    "GetDataProtectionPolicy",
    "PutDataProtectionPolicy",
}
_LOG_GROUP = "AWS::Logs::LogGroup"
_PROPERTY = "DataProtectionPolicy"
_DOCUMENT = "policyDocument"


def install() -> None:
    """Add them."""
    answer = cloudwatch_logs.handle_request

    async def answer_all(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in _NONE and action not in _DATA_PROTECTION:
            return await answer(method, path, headers, body, query)
        if "logGroupIdentifier" in (asked := json.loads(body or b"{}")):
            described = await answer(
                method,
                path,
                {**headers, "x-amz-target": "Logs_20140328.DescribeSubscriptionFilters"},
                json.dumps({"logGroupName": asked["logGroupIdentifier"]}).encode(),
                query,
            )
            if described[0] != 200:  # noqa: PLR2004  # there is no such log group
                return described
        if action in _DATA_PROTECTION:
            return json_response(_protect(action, asked))
        return json_response(_NONE[action])

    cloudwatch_logs.handle_request = answer_all
    _provision()


def _protect(action: str, asked: dict[str, str]) -> dict[str, str]:
    """Read, store or delete the policy of a log group."""
    group = cloudwatch_logs._log_groups[asked["logGroupIdentifier"]]
    match action:
        case "PutDataProtectionPolicy":
            group[_PROPERTY] = asked[_DOCUMENT]
        case "DeleteDataProtectionPolicy":
            group.pop(_PROPERTY, None)
    return {_DOCUMENT: group[_PROPERTY]} if _PROPERTY in group else {}


def _provision() -> None:
    """Let CloudFormation set the policy that a template has."""
    handler = provisioners._RESOURCE_HANDLERS[_LOG_GROUP]
    create, update = handler["create"], handler["update"]

    def create_protected(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        return _set_up(create(logical_id, properties, stack), properties)

    def update_protected(
        physical_id: str, old: dict[str, Any], properties: dict[str, Any], *names: str
    ) -> Any:
        return _set_up(update(physical_id, old, properties, *names), properties)

    protected = {"create": create_protected, "update": update_protected}
    provisioners._RESOURCE_HANDLERS[_LOG_GROUP] = handler | protected


def _set_up(made: tuple[str, dict[str, str]], properties: dict[str, Any]) -> Any:
    group = cloudwatch_logs._log_groups[made[0]]
    if policy := properties.get(_PROPERTY):
        group[_PROPERTY] = json.dumps(policy)
    else:
        group.pop(_PROPERTY, None)
    return made
