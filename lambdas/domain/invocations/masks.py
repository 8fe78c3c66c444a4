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

_MASK = "*"
# No id, model, principal or metadata can have an asterisk:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_INPUT_FIELDS = frozenset({"inputBodyJson", "inputTokenCount"})
_OUTPUT_FIELDS = frozenset({"outputBodyJson", "outputTokenCount"})
_FIELDS = _INPUT_FIELDS | _OUTPUT_FIELDS


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
    identity, metadata = log.get("identity"), log.get("requestMetadata")
    if not _OUTPUT_FIELDS.isdisjoint(request) or not _INPUT_FIELDS.isdisjoint(response):
        return True
    if any(
        isinstance(part, dict) and not _FIELDS.isdisjoint(part) for part in (identity, metadata)
    ):
        return True
    if _MASK in identity_arn and _is_principal_masked(identity_arn):
        return True
    has_input, has_output = "inputTokenCount" in request, "outputTokenCount" in response
    if has_input and has_output:
        return False
    return (
        _MASK in identity_arn
        or _has_mask(metadata)
        or (not has_input and _is_masked_body(request.get("inputBodyJson")))
        or (not has_output and _is_masked_body(response.get("outputBodyJson")))
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
