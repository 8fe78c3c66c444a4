"""Refusals of the gateway, in the form that AWS's SDKs and other HTTP clients understand.

AWS's SDKs read the code from `x-amzn-errortype`, else from `__type`, and retry status 429 whatever
the code. So a limit that waiting does not help is status 400.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from lambdas.domain.bedrock_calls.headers import Headers, write_retry_headers

MAX_REQUEST_BYTES = 6 * 2**20
"""Of a request to a function: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
_PROBLEM_TYPES = "https://iana.org/assignments/http-problem-types"
QUOTA_EXCEEDED = f"{_PROBLEM_TYPES}#quota-exceeded"
REDUCED_CAPACITY = f"{_PROBLEM_TYPES}#temporary-reduced-capacity"


class Refusal(NamedTuple):
    """A call that the gateway answers itself.

    Attributes:
        status: The HTTP status.
        code: The exception that AWS's SDKs raise.
        message: The reason for the caller. It has nothing of the request's content.
        reason: A short name for metrics.
        retry_after_ms: The pause after which the call may be admitted, if waiting helps.
        problem_type: The type of RFC 9457.
        violated_policies: The names of the limits that refuse the call.
    """

    status: int
    code: str
    message: str
    reason: str
    retry_after_ms: int | None = None
    problem_type: str = "about:blank"
    violated_policies: Sequence[str] = ()

    def write_headers(self) -> Headers:
        """Write the headers of the answer."""
        return (
            ("content-type", "application/json"),
            ("x-amzn-errortype", self.code),
            *write_retry_headers(self.retry_after_ms),
        )

    def write_body(self) -> bytes:
        """Write the answer's body: that of AWS, with the members of RFC 9457 beside it."""
        members: dict[str, object] = {
            "__type": self.code,
            "message": self.message,
            "type": self.problem_type,
            "title": self.code,
            "status": self.status,
            "detail": self.message,
        }
        if self.violated_policies:
            members["violated-policies"] = list(self.violated_policies)
        return json.dumps(members).encode()


UNKNOWN_OPERATION = Refusal(
    404,
    "UnknownOperationException",
    "The gateway takes POST /model/{modelId}/ with converse, converse-stream, invoke,"
    " invoke-with-response-stream or count-tokens, GET /limits and POST /limits/check",
    "unknown_operation",
)
UNKNOWN_KEY = Refusal(
    403,
    "AccessDeniedException",
    "The API key is missing, unknown or no longer valid",
    "unknown_key",
)
TOO_LARGE = Refusal(
    413,
    "RequestEntityTooLargeException",
    f"The request has more than {MAX_REQUEST_BYTES:,} bytes, the most that the gateway takes. Put"
    " images, documents and videos into Amazon S3, and name them with s3Location",
    "too_large",
)
UNAVAILABLE = Refusal(
    503,
    "ServiceUnavailableException",
    "Amazon Bedrock cannot be reached from the gateway",
    "bedrock_unavailable",
    problem_type=REDUCED_CAPACITY,
)
LIMITS_UNAVAILABLE = Refusal(
    503,
    "ServiceUnavailableException",
    "The gateway cannot check limits at the moment",
    "limits_unavailable",
    problem_type=REDUCED_CAPACITY,
)
INTERNAL_ERROR = Refusal(
    500, "InternalServerException", "The gateway failed; its log has the reason", "internal_error"
)


def refuse_invalid(message: str) -> Refusal:
    """Refuse a request that Bedrock could not take, or that cannot be metered."""
    return Refusal(400, "ValidationException", message, "invalid_request")


def refuse_scope(scope: str) -> Refusal:
    """Refuse a key that was not made for an operation."""
    message = f"The API key has no scope {scope}"
    return Refusal(403, "AccessDeniedException", message, "missing_scope")


def refuse_limit(message: str, retry_after_ms: int | None, policies: Sequence[str]) -> Refusal:
    """Refuse a call because of limits.

    Args:
        message: The limits and when they are free again.
        retry_after_ms: The pause, if waiting helps: AWS's SDKs then try again by themselves.
            `None` for limits that do not reset within seconds.
        policies: The names of the limits.
    """
    status, code = (
        (400, "ServiceQuotaExceededException")
        if retry_after_ms is None
        else (429, "ThrottlingException")
    )
    return Refusal(status, code, message, "limit", retry_after_ms, QUOTA_EXCEEDED, tuple(policies))
