"""Finds records that a mask of CloudWatch Logs covers in the wrong place.

A secret may begin in one text and end in a later one: a private key in a prompt, for example, that
the answer ends. The mask covers everything between them, counts included, and what is left may be
whole JSON.
"""

from __future__ import annotations

from lambdas.domain.invocations.decoding import (
    JsonObject,
    JsonValue,
    Undecodable,
    decode_json,
)

_MASK = "*" * 8
"""A run of asterisks as long as the shortest text that an identifier matches."""
# No id, model, principal or metadata can have an asterisk:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_INPUT_FIELDS = frozenset({"inputBodyJson", "inputTokenCount"})
_OUTPUT_FIELDS = frozenset({"outputBodyJson", "outputTokenCount"})


def is_masked(
    log: JsonObject, identity_arn: str, request: JsonObject, response: JsonObject
) -> bool:
    """Say if a mask covers who called what, or may cover counts.

    Args:
        log: The decoded log, with a request id and a model.
        identity_arn: Its caller.
        request: Its `input`.
        response: Its `output`.
    """
    if _MASK in log["requestId"] or _MASK in log["modelId"]:
        return True
    is_caller_masked = _MASK in identity_arn
    if is_caller_masked and _is_principal_masked(identity_arn):
        return True
    if not _OUTPUT_FIELDS.isdisjoint(request) or not _INPUT_FIELDS.isdisjoint(response):
        return True
    is_part_missing = "input" not in log or "output" not in log
    if is_part_missing and (is_caller_masked or _has_mask(log.get("requestMetadata"))):
        return True
    return ("inputTokenCount" not in request and _is_masked_body(request.get("inputBodyJson"))) or (
        "outputTokenCount" not in response and _is_masked_body(response.get("outputBodyJson"))
    )


def _is_principal_masked(identity_arn: str) -> bool:
    """Say if a mask covers more than a session name, which callers choose."""
    principal = identity_arn.rpartition("/")[0]
    return ":assumed-role/" not in principal or _MASK in principal


def _has_mask(metadata: JsonValue) -> bool:
    return isinstance(metadata, dict) and any(
        isinstance(value, str) and _MASK in value for value in metadata.values()
    )


def _is_masked_body(body: JsonValue) -> bool:
    """Say if a body is text whose JSON a mask may have broken; callers write asterisks too."""
    return isinstance(body, str) and _MASK in body and isinstance(decode_json(body), Undecodable)
