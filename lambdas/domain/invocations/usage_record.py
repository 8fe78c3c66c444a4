"""Reads one message of an invocation log into one `UsageRecord`, or says why it cannot be one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations.billed_units import (
    IMAGE,
    MEDIA_KEYS,
    NO_UNITS,
    BilledUnits,
    read_media,
    sort_units,
)
from lambdas.domain.invocations.body_usage import (
    BodyUsage,
    read_body_usage,
    read_routed_model,
    read_served_model,
)
from lambdas.domain.invocations.cached_input import (
    CountedTokens,
    separate_cached_tokens,
    usual_reporting,
)
from lambdas.domain.invocations.decoding import (
    JsonObject,
    JsonValue,
    Undecodable,
    decode_json,
    starts_with,
)
from lambdas.domain.invocations.identity import UNKNOWN_IDENTITY
from lambdas.domain.invocations.masks import is_masked
from lambdas.domain.invocations.model import (
    APPLICATION_PROFILE,
    MAX_MODEL_ID_LENGTH,
    foundation_model_id,
    is_foundation_model,
    is_prompt_router,
    read_model_name,
)
from lambdas.domain.invocations.reported_usage import NO_USAGE, fill_counts
from lambdas.domain.invocations.request_metadata import (
    NO_METADATA,
    RequestMetadata,
    read_metadata,
)
from lambdas.domain.invocations.service_tier import (
    LATENCY_OPTIMIZED_TIER,
    STANDARD_TIER,
    read_latency_tier,
)
from lambdas.domain.invocations.token_counts import TokenCounts, read_count
from lambdas.domain.invocations.usage_doubt import UsageDoubt

SCHEMA_TYPE = "ModelInvocationLog"
_STREAMS = frozenset({"InvokeModelWithResponseStream", "ConverseStream"})
_OPENAI_AND_ANTHROPIC_APIS = frozenset({"ChatCompletions", "Responses", "Messages"})
OPERATIONS = frozenset({"InvokeModel", "Converse"}) | _STREAMS | _OPENAI_AND_ANTHROPIC_APIS
"""The operations that Bedrock logs; any other is labeled `OTHER`.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""
OPERATIONS_WITH_OUTPUT = OPERATIONS - {"InvokeModel"}
"""The operations that always generate text; `InvokeModel` also makes embeddings and images."""
OTHER = "other"

PERMISSION_NOTICE = "Permissions are correctly set"
"""The start of the line that Bedrock writes when logging is switched on."""

_EMPTY: JsonObject = {}
_NO_BODY = BodyUsage()
_NO_ERROR: tuple[JsonValue, ...] = (None, "", [], {})
# As Bedrock writes it (`2025-08-15T15:29:08Z`) and as tools rewrite it: with a blank, with a
# fraction, with an offset, without a zone.
_MAX_TIMESTAMP_LENGTH = 40  # characters, more than any form needs
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


class RejectionReason(StrEnum):
    """The reason why a message cannot be counted. The list is closed and quotes no message."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_SCHEMA = "wrong_schema"
    NO_REQUEST_ID = "no_request_id"
    NO_MODEL = "no_model"
    BAD_TIMESTAMP = "bad_timestamp"
    TRUNCATED = "truncated"
    TOO_LONG = "too_long"
    """Longer than any invocation log can be; only files have such lines."""
    TOO_OLD = "too_old"
    """Older than the retention of the ledger, which could not recognize a second delivery."""
    IN_THE_FUTURE = "in_the_future"
    """Later than now by more than clocks differ: metrics could not show when the call was made."""
    WRONG_SOURCE = "wrong_source"
    """From a log group or a log stream that Bedrock does not write the metered logs to."""
    WRONG_ACCOUNT = "wrong_account"
    WRONG_REGION = "wrong_region"
    MASKED = "masked"
    """A mask of CloudWatch Logs covers who called what, or a part of the record's structure."""


class Ignored(Enum):
    """Log entries other than invocations that belong in the log."""

    PERMISSION_NOTICE = "permission_notice"
    CONTROL_MESSAGE = "control_message"


class CallVariant(NamedTuple):
    """The model and tier that decide on a call's price, as one reading reports them."""

    model_id: str
    invoked_model_id: str
    service_tier: str | None


MAX_CONFLICT_VALUES = 8
"""Different values of one field that are kept."""


class Conflicts(NamedTuple):
    """The values on which several readings of one call disagree, each in order.

    A field with a single value is not a conflict and is left empty.

    Attributes:
        variants: Models and service tiers.
        identity_arns: Callers.
        timestamps: Times in UTC.
        error_codes: Error codes; empty text means success.
        is_cut_off: Whether a field had more values than are kept.
        are_counts_disputed: Whether the readings report different tokens or billed units.
        are_details_disputed: Whether the readings differ in another field, which has no list here.
    """

    variants: tuple[CallVariant, ...] = ()
    identity_arns: tuple[str, ...] = ()
    timestamps: tuple[datetime, ...] = ()
    error_codes: tuple[str, ...] = ()
    is_cut_off: bool = False
    are_counts_disputed: bool = False
    are_details_disputed: bool = False

    @property
    def are_variants_cut_off(self) -> bool:
        """Say if models or service tiers may be missing from `variants`."""
        return self.is_cut_off and len(self.variants) >= MAX_CONFLICT_VALUES


class UsageRecord(NamedTuple):
    """One call of a model: who, what, when, how many tokens. A pure function of its log message.

    Attributes:
        account_id: The account that was called; empty where the log does not name it.
        region: The Region that was called (and is billed); empty where the log does not name it.
        request_id: With `account_id` and `region`, the identity of the call.
        timestamp: The time of the call, in UTC.
        operation: One of `OPERATIONS`, or `OTHER`.
        model_id: The foundation model, see `foundation_model_id`. A response may name the one
            behind an application inference profile or a prompt router.
        invoked_model_id: The id or ARN that the caller named, or that a prompt router chose.
        identity_arn: The caller as the log names it; `UNKNOWN_IDENTITY` where it does not.
        tokens: Disjoint counts, absent ones as `None`.
        error_code: The exception's name if the call failed, else `None`.
        inference_region: The Region that ran the model, where the log names it.
        latency_ms: The time that the model took, in milliseconds, where a body reports it.
        request_metadata: The caller's metadata of the call, within Bedrock's bounds. A claim: only
            a trusted principal's counts for anything.
        service_tier: The tier that served the call, by its response; `None` for the standard one,
            or where no response is in the log. `latency-optimized` is one; where no response
            says how the call was served, it stands for a requested one.
        billed_units: Units other than tokens that the response reports: pairs of unit and count,
            in order of the units.
        usage_doubt: The reason why the split between input and cached tokens is uncertain; `None`
            where the log leaves no doubt.
        conflicts: The values on which several readings of the call disagree; `None` where every
            reading agrees.
        prompt_router: The prompt router that the caller named, where the response says which
            model it chose; `invoked_model_id` is then what it chose.
        largest_sampling_tokens: The input tokens, cached ones included, of the largest sampling
            where one answer was made of several: each is a call of its own where large calls have
            another price. `None` for a single one.
    """

    account_id: str
    region: str
    request_id: str
    timestamp: datetime
    operation: str
    model_id: str
    invoked_model_id: str
    identity_arn: str
    tokens: TokenCounts
    error_code: str | None = None
    inference_region: str | None = None
    latency_ms: int | None = None
    request_metadata: RequestMetadata = NO_METADATA
    service_tier: str | None = None
    billed_units: BilledUnits = ()
    usage_doubt: UsageDoubt | None = None
    conflicts: Conflicts | None = None
    prompt_router: str | None = None
    largest_sampling_tokens: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity of the call, the same for every delivery of it."""
        return self.account_id, self.region, self.request_id

    @property
    def minute(self) -> datetime:
        """The minute in which the call was made: where it counts."""
        return self.timestamp.replace(second=0, microsecond=0)

    @property
    def is_failed(self) -> bool:
        """True for a failed call; its tokens are then in no figure but `FailedTokens`."""
        return self.error_code is not None

    @property
    def is_missing_output(self) -> bool:
        """Say if only the output count is missing: a stream that was cut off, for example."""
        tokens = self.tokens
        return (
            tokens.output is None
            and not tokens.is_missing
            and self.operation in OPERATIONS_WITH_OUTPUT
        )


ReadInvocation: TypeAlias = "Callable[[JsonValue], UsageRecord | RejectionReason]"
"""Reads one decoded invocation log, as `read_invocation` does; never raises."""
Reading: TypeAlias = UsageRecord | RejectionReason | Ignored
"""The result of reading one message."""


def read_invocation(log: JsonValue) -> UsageRecord | RejectionReason:
    """Read one decoded invocation log; never raises.

    Top-level counts go first. The response body fills in what they leave out, and reports the
    cache, the latency, the service tier and other billed units; the request body, which callers
    write, is not read. The rules are in `docs/counting-rules.md`.
    Fields: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
    """
    if not isinstance(log, dict):
        return RejectionReason.NOT_AN_OBJECT
    if log.get("schemaType") not in (SCHEMA_TYPE, None):
        return RejectionReason.WRONG_SCHEMA
    request_id, invoked_model_id = _text(log.get("requestId")), _text(log.get("modelId"))
    if request_id is None or invoked_model_id is None:
        is_unidentified = request_id is None
        return RejectionReason.NO_REQUEST_ID if is_unidentified else RejectionReason.NO_MODEL
    timestamp = log.get("timestamp")
    is_short = isinstance(timestamp, str) and len(timestamp) <= _MAX_TIMESTAMP_LENGTH
    called_at = _read_timestamp(timestamp) if is_short else None
    if called_at is None:
        return RejectionReason.BAD_TIMESTAMP
    operation, metadata = log.get("operation"), log.get("requestMetadata")
    operation = operation if isinstance(operation, str) and operation in OPERATIONS else OTHER
    request, response = log.get("input"), log.get("output")
    request = request if isinstance(request, dict) else _EMPTY
    response = response if isinstance(response, dict) else _EMPTY
    identity_arn = _identity_arn(log.get("identity"))
    if is_masked(log, identity_arn, request, response):
        return RejectionReason.MASKED
    body = response.get("outputBodyJson")
    body = decode_json(body) if isinstance(body, str) else body
    model_id, prompt_router = foundation_model_id(invoked_model_id), None
    usage = _NO_BODY
    if body is not None:
        if "/" in model_id:  # the log names a profile or a router, not a model
            model_id, invoked_model_id, prompt_router = _read_model(
                model_id, invoked_model_id, body
            )
        usage = read_body_usage(body)
    tokens = TokenCounts(
        read_count(request.get("inputTokenCount")),
        read_count(response.get("outputTokenCount")),
        read_count(request.get("cacheReadInputTokenCount")),
        read_count(request.get("cacheWriteInputTokenCount")),
    )
    doubt: UsageDoubt | None = None
    if body is not None or not (tokens.cache_read is tokens.cache_write is None):
        tokens, doubt = _count_tokens(tokens, usage, model_id, operation)
    return UsageRecord(  # by position: this runs for every call, and naming fields takes longer
        _text(log.get("accountId")) or "",
        _text(log.get("region")) or "",
        request_id,
        called_at,
        operation,
        model_id,
        invoked_model_id,
        identity_arn,
        tokens,
        _error_code(log.get("errorCode")),
        _text(log.get("inferenceRegion")),
        usage.latency_ms,
        read_metadata(metadata) if metadata else NO_METADATA,
        None if usage is _NO_BODY and "performanceConfig" not in log else _read_tier(log, usage),
        NO_UNITS
        if usage is _NO_BODY and MEDIA_KEYS.isdisjoint(response)
        else _read_units(response, usage, tokens),
        doubt,
        None,
        prompt_router,
        usage.reported.largest_sampling_tokens if usage.reported.samplings else None,
    )


def read_message(message: bytes | str, read: ReadInvocation = read_invocation) -> Reading:
    """Read one log message; never raises.

    Args:
        message: The text of one log event, or one line of a log object in S3.
        read: Reads the decoded log; `read_invocation`, unless the caller needs more of it.
    """
    decoded = decode_json(message)
    if isinstance(decoded, Undecodable):
        return read_plain_text(message, decoded)
    return read(decoded)


def read_plain_text(message: bytes | str, why: Undecodable) -> Reading:
    """Distinguish the line that Bedrock writes when logging is switched on from invalid JSON."""
    if starts_with(message.lstrip(), PERMISSION_NOTICE):
        return Ignored.PERMISSION_NOTICE
    return RejectionReason(why.value)


def _read_model(
    model_id: str, invoked_model_id: str, body: JsonValue
) -> tuple[str, str, str | None]:
    """Find the model that a profile or a prompt router hides: its id, what was invoked, the router.

    A response can name a model only where the call hides it, and only where Bedrock or the API of
    the model writes its name.
    """
    if model_id.startswith(APPLICATION_PROFILE):
        name = _text(read_served_model(body))
        return (name and read_model_name(name)) or model_id, invoked_model_id, None
    if is_prompt_router(model_id):
        chosen = _text(read_routed_model(body))
        if chosen and len(chosen) <= MAX_MODEL_ID_LENGTH:
            chosen_model_id = foundation_model_id(chosen)
            if is_foundation_model(chosen_model_id):
                return chosen_model_id, chosen, invoked_model_id
    return model_id, invoked_model_id, None


def _count_tokens(
    logged: TokenCounts, usage: BodyUsage, model_id: str, operation: str
) -> CountedTokens:
    """Compute disjoint counts from what Bedrock logged and a body reports."""
    reported = usage.reported
    # A guardrail's replacement for an answer may carry made-up counts (Titan's does).
    if usage.is_guardrail_intervention and None in (logged.input, logged.output):
        reported = NO_USAGE
    else:
        logged = fill_counts(logged, usage.measured)
    return separate_cached_tokens(logged, reported, usual_reporting(model_id, operation))


def _read_tier(log: JsonObject, usage: BodyUsage) -> str | None:
    """The tier that decides on the price: as served, else a latency as requested."""
    if usage.service_tier is not None and usage.service_tier != STANDARD_TIER:
        return usage.service_tier
    latency_tier = usage.latency_tier
    if latency_tier is None and "performanceConfig" in log:
        requested = log["performanceConfig"]
        latency = requested.get("latency") if isinstance(requested, dict) else None
        latency_tier = read_latency_tier(latency)
    return latency_tier if latency_tier == LATENCY_OPTIMIZED_TIER else None


def _read_units(response: JsonObject, usage: BodyUsage, tokens: TokenCounts) -> BilledUnits:
    """Units that the log's `output` and the body report.

    Images that a response lists count where it has no input tokens: newer embedding models count
    images in tokens.
    """
    units = usage.units or {}
    if not MEDIA_KEYS.isdisjoint(response):
        units = dict(units)
        read_media(response, units)
    if usage.listed_images and not tokens.input and IMAGE not in units:
        units = units | {IMAGE: usage.listed_images}
    return sort_units(units) if units else NO_UNITS


def _identity_arn(identity: JsonValue) -> str:
    if isinstance(identity, list) and identity:  # reported by one reader of such logs
        identity = identity[0]
    arn = identity.get("arn") if isinstance(identity, dict) else identity
    return _text(arn) or UNKNOWN_IDENTITY


def _error_code(value: JsonValue) -> str | None:
    return None if value in _NO_ERROR else _text(value) or OTHER


def _text(value: JsonValue) -> str | None:
    """Text that is more than blanks and can be written as UTF-8; else `None`."""
    if not isinstance(value, str) or not value or value.isspace():
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


@lru_cache(1024)  # calls come in bursts, and Bedrock writes whole seconds
def _read_timestamp(text: str) -> datetime | None:
    """Read ISO 8601, UTC where no zone is given; finer than microseconds is cut off."""
    if _TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        timestamp = datetime.fromisoformat(text)
        if timestamp.tzinfo is UTC:
            return timestamp
        return timestamp.replace(tzinfo=timestamp.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
