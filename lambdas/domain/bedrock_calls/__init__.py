"""Calls of Amazon Bedrock on their way through the gateway."""

from lambdas.domain.bedrock_calls.admission import (
    Admission,
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockRelay,
    BedrockRequest,
    CallAdmission,
    GatewayCall,
)
from lambdas.domain.bedrock_calls.answers import AnswerEnd, UsageReader, make_usage_reader
from lambdas.domain.bedrock_calls.call_report import (
    ANSWER_LOST,
    NS_OF_A_MS,
    CallObserver,
    CallReport,
    CallTimes,
    RunningCall,
)
from lambdas.domain.bedrock_calls.called_models import CalledModels, NamedModels
from lambdas.domain.bedrock_calls.caller_request import CallerRequest, read_caller_request
from lambdas.domain.bedrock_calls.event_frames import EVENT_STREAM, Frame, FrameReader
from lambdas.domain.bedrock_calls.finish_reasons import read_finish_reasons
from lambdas.domain.bedrock_calls.headers import (
    Headers,
    LimitState,
    write_ietf_headers,
    write_kong_headers,
    write_retry_headers,
)
from lambdas.domain.bedrock_calls.needs import (
    NO_NEED,
    CallNeed,
    NeedBounds,
    find_requested_output,
    measure_need,
)
from lambdas.domain.bedrock_calls.paths import BedrockOperation, BedrockPath, read_path
from lambdas.domain.bedrock_calls.refusals import (
    INTERNAL_ERROR,
    LIMITS_UNAVAILABLE,
    MAX_REQUEST_BYTES,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_KEY,
    UNKNOWN_OPERATION,
    Refusal,
    refuse_invalid,
    refuse_limit,
    refuse_scope,
)
from lambdas.domain.bedrock_calls.request_body import (
    METADATA_HEADER,
    InvalidRequestError,
    RequestBody,
    read_request_body,
)

__all__ = [
    "ANSWER_LOST",
    "EVENT_STREAM",
    "INTERNAL_ERROR",
    "LIMITS_UNAVAILABLE",
    "MAX_REQUEST_BYTES",
    "METADATA_HEADER",
    "NO_NEED",
    "NS_OF_A_MS",
    "TOO_LARGE",
    "UNAVAILABLE",
    "UNKNOWN_KEY",
    "UNKNOWN_OPERATION",
    "Admission",
    "AnswerEnd",
    "BedrockAnswer",
    "BedrockAnswerLostError",
    "BedrockNotReachedError",
    "BedrockOperation",
    "BedrockPath",
    "BedrockRelay",
    "BedrockRequest",
    "CallAdmission",
    "CallNeed",
    "CallObserver",
    "CallReport",
    "CallTimes",
    "CalledModels",
    "CallerRequest",
    "Frame",
    "FrameReader",
    "GatewayCall",
    "Headers",
    "InvalidRequestError",
    "LimitState",
    "NamedModels",
    "NeedBounds",
    "Refusal",
    "RequestBody",
    "RunningCall",
    "UsageReader",
    "find_requested_output",
    "make_usage_reader",
    "measure_need",
    "read_caller_request",
    "read_finish_reasons",
    "read_path",
    "read_request_body",
    "refuse_invalid",
    "refuse_limit",
    "refuse_scope",
    "write_ietf_headers",
    "write_kong_headers",
    "write_retry_headers",
]
