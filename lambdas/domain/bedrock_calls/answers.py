"""Reads what a call used while its answer passes; the answer is never changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from lambdas.domain.bedrock_calls.event_frames import EVENT_STREAM, Frame, FrameReader
from lambdas.domain.bedrock_calls.finish_reasons import read_finish_reasons
from lambdas.domain.bedrock_calls.paths import BedrockPath
from lambdas.domain.invocations import ServedCall, TokenCounts, UsageRecord, read_invocation
from lambdas.domain.invocations.body_usage import reports_usage
from lambdas.domain.invocations.decoding import (
    JsonObject,
    JsonValue,
    Undecodable,
    decode_small_json,
)
from lambdas.domain.invocations.token_counts import read_count

MAX_ANSWER_BYTES = 32 * 2**20
"""Of an answer whose body is read. Longer ones pass; their usage then comes from the headers."""
_MAX_FIRST_CHUNKS, _MAX_LAST_CHUNKS = 8, 64
_REASON = b"eason"  # in the names of all fields that have one
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-invoke.html
_COUNT_HEADERS = (
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
)
LATENCY_HEADER = "x-amzn-bedrock-performanceconfig-latency"
"""The latency that InvokeModel is asked for, and that its answer reports."""


class AnswerEnd(NamedTuple):
    """The end of an answer.

    Attributes:
        finish_reasons: The reasons for which the model stopped; empty where none is reported.
        error: The error that ended a stream.
    """

    finish_reasons: tuple[str, ...] = ()
    error: str | None = None


class MeasuredCall(NamedTuple):
    """A call without the body of its answer.

    Attributes:
        path: The operation and the model.
        counts: The counts in the headers of the answer.
        latency: The latency that the call was served with, or else has asked for.
    """

    path: BedrockPath
    counts: TokenCounts
    latency: str | None = None

    def record(self, body: JsonValue | Undecodable) -> UsageRecord | None:
        """Read an answer by the rules for logs, as if this were the log of the call."""
        log: JsonObject = {
            "requestId": "-",
            "timestamp": "1970-01-01T00:00:00Z",
            "modelId": self.path.model_id,
            "operation": self.path.operation.log_name,
            "input": {
                "inputTokenCount": self.counts.input,
                "cacheReadInputTokenCount": self.counts.cache_read,
                "cacheWriteInputTokenCount": self.counts.cache_write,
            },
            "output": {
                "outputTokenCount": self.counts.output,
                "outputBodyJson": None if isinstance(body, Undecodable) else body,
            },
        }
        if self.latency is not None:
            log["performanceConfig"] = {"latency": self.latency}
        record = read_invocation(log)
        return record if isinstance(record, UsageRecord) else None


@dataclass(slots=True)
class UsageReader(ABC):
    """Reads the pieces of an answer.

    Attributes:
        call: What is known of the call.
    """

    call: MeasuredCall
    _record: UsageRecord | None = field(default=None, init=False)

    def read(self, piece: bytes) -> None:
        """Read a piece of any length; never raises."""
        self._record = None
        self._read(piece)

    def count(self) -> TokenCounts:
        """Count the tokens as the ledger will count those of the log; absent if not reported."""
        record = self._read_record()
        return self.call.counts if record is None else record.tokens

    def read_service(self) -> ServedCall:
        """Read what else decides on the price, as the ledger will read it from the log."""
        record = self._read_record()
        return ServedCall() if record is None else ServedCall.from_record(record)

    @abstractmethod
    def _read(self, piece: bytes) -> None:
        """Read a piece of any length."""

    @abstractmethod
    def _read_body(self) -> JsonValue | Undecodable:
        """Read the body as far as it is there."""

    def _read_record(self) -> UsageRecord | None:
        if self._record is None:
            self._record = self.call.record(self._read_body())
        return self._record

    @abstractmethod
    def read_end(self) -> AnswerEnd:
        """Read how the answer ended."""


def make_usage_reader(
    path: BedrockPath, headers: Mapping[str, str], sent: Mapping[str, str] | None = None
) -> UsageReader:
    """Make the reader of an answer.

    Args:
        path: The operation and the model.
        headers: The answer's headers, by lower-case names.
        sent: The request's headers, by lower-case names.
    """
    is_stream = headers.get("content-type", "").partition(";")[0].strip() == EVENT_STREAM
    reader = StreamUsageReader if is_stream else BodyUsageReader
    counts = TokenCounts(*(read_count(headers.get(name)) for name in _COUNT_HEADERS))
    latency = headers.get(LATENCY_HEADER) or (sent or {}).get(LATENCY_HEADER)
    return reader(MeasuredCall(path, counts, latency))


@dataclass(slots=True)
class BodyUsageReader(UsageReader):
    """Reads an answer that is one JSON object."""

    _body: bytearray = field(default_factory=bytearray)
    _is_too_long: bool = False
    _is_decoded: bool = False
    _content: JsonValue | Undecodable = None

    def _read(self, piece: bytes) -> None:
        self._is_decoded = False
        self._is_too_long = self._is_too_long or len(self._body) + len(piece) > MAX_ANSWER_BYTES
        if self._is_too_long:
            self._body.clear()
        else:
            self._body += piece

    def _read_body(self) -> JsonValue | Undecodable:
        if not self._is_decoded:
            self._content = decode_small_json(bytes(self._body)) if self._body else None
            self._is_decoded = True
        return self._content

    def read_end(self) -> AnswerEnd:
        """Read how the answer ended."""
        body = self._read_body()
        return AnswerEnd(read_finish_reasons(body)) if isinstance(body, dict) else AnswerEnd()


@dataclass(slots=True)
class StreamUsageReader(UsageReader):
    """Reads the events of a stream, and stores only those that report usage."""

    frames: FrameReader = field(default_factory=FrameReader)
    _first: list[JsonObject] = field(default_factory=list)
    _last: deque[JsonObject] = field(default_factory=lambda: deque(maxlen=_MAX_LAST_CHUNKS))

    _finish_reasons: tuple[str, ...] = ()
    _error: str | None = None

    _CHUNK: ClassVar = "chunk"  # of InvokeModel; Converse's events are named by their content

    def _read(self, piece: bytes) -> None:
        for frame in self.frames.read(piece):
            chunk = self._read_frame(frame)
            if isinstance(chunk, dict) and reports_usage(chunk):
                chunks = self._first if len(self._first) < _MAX_FIRST_CHUNKS else self._last
                chunks.append(chunk)

    def _read_body(self) -> JsonValue | Undecodable:
        return [*self._first, *self._last]

    def read_end(self) -> AnswerEnd:
        """Read how the answer ended."""
        return AnswerEnd(self._finish_reasons, self._error)

    def _read_frame(self, frame: Frame) -> JsonValue | Undecodable:
        kind = frame.headers.get(":event-type")
        if kind == self._CHUNK:
            return self._read_chunk(decode_small_json(frame.payload))
        if kind == "messageStop":
            self._note_reasons(decode_small_json(frame.payload))
        elif kind is None:
            self._error = frame.headers.get(":exception-type", self._error)
        # As the log has it. No other event of Converse reports usage.
        return {kind: decode_small_json(frame.payload)} if kind == "metadata" else None

    def _read_chunk(self, content: JsonValue | Undecodable) -> JsonValue | Undecodable:
        encoded = content.get("bytes") if isinstance(content, dict) else None
        try:
            text = a2b_base64(encoded) if isinstance(encoded, str) else None
        except (Base64Error, ValueError):
            return None
        if text is None:
            return None
        chunk = decode_small_json(text)
        if _REASON in text:  # rare, and quicker than a search in each chunk
            self._note_reasons(chunk)
        return chunk

    def _note_reasons(self, content: JsonValue | Undecodable) -> None:
        if isinstance(content, dict):
            self._finish_reasons = read_finish_reasons(content) or self._finish_reasons
