"""Requests are allowed and denied as on AWS, where MiniStack evaluates policies (`AUTH=true`).

Its three known gaps: it does not know the condition key `cloudwatch:namespace`; it knows an action
`bedrock:Converse`, which AWS has not (`InvokeModel` allows it); and what asks for TLS can never be
reached over http, which stands for TLS on the loopback address.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

_GZIP = b"\x1f\x8b"
_ACTIONS = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}


def install() -> None:
    """Add it."""
    enforce, context_of = iam_evaluator.enforce, iam_actions.request_tag_context
    pin_origin = app.pin_request_origin

    def enforce_as_aws(access_key: str, action: str, *rest: Any, **more: Any) -> Any:
        return enforce(access_key, _ACTIONS.get(action, action), *rest, **more)

    def context_with_namespace(
        service: str, action: str, body: bytes, *rest: Any, **more: Any
    ) -> dict[str, Any]:
        context: dict[str, Any] = context_of(service, action, body, *rest, **more)
        if action == "cloudwatch:PutMetricData":
            unpacked = gzip.decompress(body) if body.startswith(_GZIP) else body
            context["cloudwatch:namespace"] = json.loads(unpacked)["Namespace"]
        return context

    iam_evaluator.enforce = enforce_as_aws
    iam_actions.request_tag_context = context_with_namespace
    app.pin_request_origin = lambda address, _is_tls: pin_origin(address, True)  # noqa: FBT003  # as MiniStack has it
