"""Log groups report that they have no policies and no transformers.

MiniStack's CloudWatch Logs does not know the actions that read them.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cloudwatch_logs

_NONE: dict[str, dict[str, Any]] = {
    "DescribeAccountPolicies": {"accountPolicies": []},
    "GetDataProtectionPolicy": {},
    "GetTransformer": {},
}


def install() -> None:
    """Add it."""
    answer = cloudwatch_logs.handle_request

    async def answer_all(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in _NONE:
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
        return json_response(_NONE[action])

    cloudwatch_logs.handle_request = answer_all
