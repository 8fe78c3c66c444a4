"""Reads and writes the JSON of `GET /limits` and `POST /limits/check`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import (
    BedrockOperation,
    BedrockPath,
    CallNeed,
    InvalidRequestError,
    LimitState,
    Refusal,
    read_path,
    read_request_body,
)
from lambdas.domain.invocations.decoding import JsonObject
from lambdas.domain.invocations.service_tier import STANDARD_TIER, read_service_tier
from lambdas.domain.invocations.token_counts import read_count
from lambdas.domain.times import write_time
from lambdas.services.limit_calls import LimitAnswer

_OPERATIONS = {each.log_name: each for each in BedrockOperation if each.uses_tokens}
_FIELDS = frozenset({"modelId", "operation", "inputTokens", "outputTokens", "serviceTier"})


class CheckRequest(NamedTuple):
    """A call that is to be checked.

    Attributes:
        path: The operation and the model.
        need: The most that it can use.
        service_tier: The service tier; `None` for the standard one.
    """

    path: BedrockPath
    need: CallNeed
    service_tier: str | None


def read_check_request(body: bytes) -> CheckRequest:
    """Read the body of a check.

    Raises:
        InvalidRequestError: A field is missing, unknown or wrong. The text names it.
    """
    fields = read_request_body(body).fields
    if unknown := sorted(fields.keys() - _FIELDS):
        message = f"{unknown[0]}: unknown field; allowed: {', '.join(sorted(_FIELDS))}"
        raise InvalidRequestError(message)
    operation = _OPERATIONS.get(str(fields.get("operation", "Converse")))
    if operation is None:
        message = f"operation: allowed: {', '.join(_OPERATIONS)}"
        raise InvalidRequestError(message)
    model = fields.get("modelId")
    named = quote(model, safe="", errors="replace") if isinstance(model, str) else ""
    path = read_path(f"/model/{named}/{operation.value}")
    if path is None:
        message = "modelId: allowed: the id or ARN of a model, as in calls"
        raise InvalidRequestError(message)
    need = CallNeed(
        _read_tokens(fields, "inputTokens"), _read_tokens(fields, "outputTokens"), is_certain=True
    )
    tier = read_service_tier(fields.get("serviceTier"))
    return CheckRequest(path, need, None if tier == STANDARD_TIER else tier)


def write_limits(key: ApiKey, answer: LimitAnswer) -> bytes:
    """Write the limits of a caller."""
    return _write({"caller": key.session_name, "limits": _list_limits(answer)})


def write_check(answer: LimitAnswer) -> bytes:
    """Write if a call would be admitted."""
    refusal = answer.refusal
    return _write(
        {
            "admitted": refusal is None,
            "refusal": None if refusal is None else _describe_refusal(refusal),
            "limits": _list_limits(answer),
        }
    )


def _read_tokens(fields: JsonObject, name: str) -> int:
    value = fields.get(name)
    count = None if isinstance(value, str) else read_count(value)
    if count is None:
        message = f"{name}: allowed: a whole number of tokens"
        raise InvalidRequestError(message)
    return count


def _list_limits(answer: LimitAnswer) -> list[dict[str, Any]]:
    return [_describe(limit, answer) for limit in answer.limits]


def _describe(limit: LimitState, answer: LimitAnswer) -> dict[str, Any]:
    return {
        "name": limit.name,
        "partition": limit.partition,
        "unit": limit.unit,
        "quota": limit.quota,
        "remaining": limit.remaining,
        "windowSeconds": limit.window_seconds,
        "resetSeconds": limit.reset_seconds,
        "resetsAt": None if limit.resets_at is None else write_time(limit.resets_at),
        "models": list(limit.models),
        "operations": list(limit.operations),
        "mode": "shadow" if limit.name in answer.shadow else "enforce",
    }


def _describe_refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "status": refusal.status,
        "code": refusal.code,
        "message": refusal.message,
        "retryAfterMs": refusal.retry_after_ms,
        "policies": list(refusal.violated_policies),
    }


def _write(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode()
