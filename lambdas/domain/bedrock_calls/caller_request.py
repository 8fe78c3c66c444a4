"""A caller's request: what of it Bedrock gets, and with which metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from lambdas.domain.bedrock_calls.admission import BedrockRequest
from lambdas.domain.bedrock_calls.answers import LATENCY_HEADER
from lambdas.domain.bedrock_calls.paths import BedrockPath
from lambdas.domain.bedrock_calls.request_body import (
    METADATA_HEADER,
    REQUEST_METADATA,
    InvalidRequestError,
    RequestBody,
    merge_metadata,
    read_metadata_header,
    read_request_body,
    write_metadata_header,
)
from lambdas.domain.invocations.decoding import JsonValue
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.request_metadata import MAX_METADATA_LENGTH
from lambdas.domain.invocations.service_tier import (
    LATENCY_OPTIMIZED_TIER,
    STANDARD_TIER,
    read_latency_tier,
    read_service_tier,
)

_ATTEMPT_HEADER = "amz-sdk-invocation-id"
_TIER_HEADER = "x-amzn-bedrock-service-tier"
_CHEAPEST_TIER = "flex"
_RELAYED_HEADERS = frozenset({"accept", "content-type"})
_RELAYED_PREFIX = "x-amzn-bedrock-"
_HEADER_NAME = re.compile(r"[a-z0-9-]{1,100}")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_CHARSET = re.compile(r'charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))', re.IGNORECASE)
_MAX_HEADER_BYTES = 16_384
_PLACEHOLDER = "x" * MAX_METADATA_LENGTH


class CallerRequest(NamedTuple):
    """A request that Bedrock may get.

    Attributes:
        path: The operation and the model.
        headers: The headers that Bedrock reads, without metadata.
        body: The body.
        own_metadata: The caller's request metadata, as it was sent.
        attempt_id: The id that AWS's SDKs give all attempts of a call.
    """

    path: BedrockPath
    headers: Mapping[str, str]
    body: RequestBody
    own_metadata: JsonValue
    attempt_id: str | None

    @property
    def service_tier(self) -> str | None:
        """The service tier that it asks for, as calls are priced; `None` for the standard one.

        Latency-optimized inference is priced like one. If a request names several tiers, it counts
        as the more expensive one.
        """
        fields = self.body.fields
        if self.path.operation.is_converse:
            latency: JsonValue = get_object(fields, "performanceConfig").get("latency")
            named: list[JsonValue] = [
                get_object(fields, "serviceTier").get("type"),
                get_object(fields, "additionalModelRequestFields").get("service_tier"),
            ]
        else:
            latency = self.headers.get(LATENCY_HEADER)
            named = [self.headers.get(_TIER_HEADER), fields.get("service_tier")]
        if read_latency_tier(latency) == LATENCY_OPTIMIZED_TIER:
            return LATENCY_OPTIMIZED_TIER
        tiers = {tier for tier in map(read_service_tier, named) if tier is not None}
        if len(tiers) > 1:
            tiers.discard(_CHEAPEST_TIER)
        return next((tier for tier in sorted(tiers) if tier != STANDARD_TIER), None)

    def check_metadata(self, names: Collection[str], owned_names: Collection[str]) -> None:
        """Check that the request has room for the gateway's metadata, whatever its values will be.

        Raises:
            InvalidRequestError: It has too little.
        """
        if self.path.operation.uses_tokens:
            longest = dict.fromkeys(names, _PLACEHOLDER)
            merged = merge_metadata(self.own_metadata, longest, owned_names)
            if not self.path.operation.is_converse:
                write_metadata_header(merged)

    def write(
        self, metadata: Mapping[str, str], owned_names: Collection[str], session_name: str
    ) -> BedrockRequest:
        """Write the request for Bedrock.

        Args:
            metadata: The gateway's metadata.
            owned_names: Names in metadata that callers cannot set.
            session_name: The name of the session that makes the call.

        Raises:
            InvalidRequestError: There is no room for the metadata.
        """
        headers, path = dict(self.headers), self.path.write()
        if not self.path.operation.uses_tokens:
            return BedrockRequest(path, headers, self.body.text.encode(), session_name)
        merged = merge_metadata(self.own_metadata, metadata, owned_names)
        if self.path.operation.is_converse:
            return BedrockRequest(path, headers, self.body.write(merged), session_name)
        if merged:
            headers[METADATA_HEADER] = write_metadata_header(merged)
        return BedrockRequest(path, headers, self.body.text.encode(), session_name)


def read_caller_request(
    path: BedrockPath, headers: Sequence[tuple[str, str]], body: bytes
) -> CallerRequest:
    """Read a request.

    Args:
        path: The operation and the model.
        headers: All headers, with lower-case names.
        body: The body.

    Raises:
        InvalidRequestError: Bedrock could not read it, or could read it in two ways.
    """
    relayed: dict[str, str] = {}
    attempt_id: str | None = None
    for name, value in headers:
        if name == "content-encoding" and value.strip().lower() != "identity":
            message = "The gateway takes no compressed request bodies"
            raise InvalidRequestError(message)
        if name == "content-type" and _CHARSET.search(value):
            message = "The request body has to be UTF-8"  # read otherwise, it may be another one
            raise InvalidRequestError(message)
        if name == _ATTEMPT_HEADER:
            attempt_id = value
        elif name in _RELAYED_HEADERS or name.startswith(_RELAYED_PREFIX):
            _check_header(name, value, relayed)
            relayed[name] = value
    if sum(len(name) + len(value) for name, value in relayed.items()) > _MAX_HEADER_BYTES:
        message = f"The request headers for Bedrock have more than {_MAX_HEADER_BYTES} bytes"
        raise InvalidRequestError(message)
    read = read_request_body(body)
    header = relayed.pop(METADATA_HEADER, None)
    if path.operation.is_converse:
        own = read.fields.get(REQUEST_METADATA)
    else:
        own = read_metadata_header(header) if header else None
    return CallerRequest(path, relayed, read, own, attempt_id)


def _check_header(name: str, value: str, others: Collection[str]) -> None:
    is_clean = _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)
    if not is_clean or name in others:
        message = "A request header is sent twice, or has other letters than visible ASCII"
        raise InvalidRequestError(message)
