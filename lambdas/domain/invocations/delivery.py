"""A delivery of CloudWatch Logs, and the fields of rejected messages that are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from lambdas.domain.invocations.decoding import JsonObject, JsonValue, Undecodable, decode_json
from lambdas.domain.invocations.envelope import log_events, read_envelope, unpack_parts
from lambdas.domain.invocations.metered_source import MeteredSource
from lambdas.domain.invocations.quarantine import RejectedRecord
from lambdas.domain.invocations.usage_record import Reading, RejectionReason

# Names, times and numbers: fields that hold no prompt and no completion.
_STORED_FIELDS = (
    "schemaType",
    "schemaVersion",
    "timestamp",
    "accountId",
    "region",
    "requestId",
    "operation",
    "modelId",
    "inferenceRegion",
    "errorCode",
)
_FIELDS_KEPT_WITHIN = {
    "identity": ("arn",),
    "input": ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
    "output": ("outputTokenCount",),
}
_MAX_TEXT_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class Delivery:
    """The content of one Lambda event, or a part of it.

    Attributes:
        data: The event's `awslogs.data`, as it came.
        envelope: Its unpacked content, or the reason why it cannot be unpacked.
        first_line: The place of its first message, from 1, blank ones not counted.
    """

    data: str
    envelope: JsonObject | Undecodable
    first_line: int = 1

    @classmethod
    def open(cls, data: str) -> Iterator[Self]:
        """Unpack a delivery into parts that fit into memory, most often one; never raises."""
        first_line = 1
        for part in unpack_parts(data):
            envelope = part if isinstance(part, dict | Undecodable) else Undecodable.NOT_JSON
            yield cls(data, envelope, first_line)
            if isinstance(envelope, dict):
                first_line += len(log_events(envelope) or [])

    @property
    def source(self) -> str:
        """The log group and the log stream that the messages come from."""
        if isinstance(self.envelope, Undecodable):
            return "unreadable delivery"
        return ":".join(
            str(_shorten(self.envelope.get(name))) for name in ("logGroup", "logStream")
        )

    @property
    def name(self) -> str:
        """A name that no other delivery or part has, the same when it is delivered again."""
        digest = _sha256(self.data)
        return digest if self.first_line == 1 else f"{digest}-{self.first_line}"

    def readings(self, source: MeteredSource | None = None) -> list[Reading]:
        """Read each message.

        Args:
            source: The source whose records are accepted; `None` for any.
        """
        if isinstance(self.envelope, Undecodable):
            return [RejectionReason(self.envelope.value)]
        readings = read_envelope(self.envelope)
        return readings if source is None else source.check(self.envelope, readings)

    def describe(self, rejected: Iterable[RejectedRecord]) -> list[JsonObject]:
        """Describe rejected messages: reason, place and content, without their bodies.

        A message that is not a JSON object is described by its place and a hash alone. These are
        enough to find it in the log group.
        """
        envelope = {} if isinstance(self.envelope, Undecodable) else self.envelope
        lines = log_events(envelope) or []
        return [
            self._describe(record, lines[place] if place < len(lines) else None)
            for record in rejected
            for place in [record.line - self.first_line]
        ]

    def _describe(self, rejected: RejectedRecord, line: JsonValue) -> JsonObject:
        event = line if isinstance(line, dict) else {}
        message = event.get("message")
        text = message if isinstance(message, str) else self.data
        return {
            "reason": rejected.reason.value,
            "source": rejected.source,
            "line": rejected.line,
            "event_id": _shorten(event.get("id")),
            "event_timestamp": _shorten(event.get("timestamp")),
            "sha256": _sha256(text),
            "record": _outline(decode_json(text)),
        }


def _outline(record: JsonValue) -> JsonObject | None:
    if not isinstance(record, dict):
        return None
    kept = {name: _shorten(record[name]) for name in _STORED_FIELDS if name in record}
    for part, names in _FIELDS_KEPT_WITHIN.items():
        fields = record.get(part)
        if isinstance(fields, dict):
            kept[part] = {name: _shorten(fields[name]) for name in names if name in fields}
    return kept


def _shorten(value: JsonValue) -> JsonValue:
    """A number, or text of bearable length; `None` for anything else."""
    if isinstance(value, str):
        return value[:_MAX_TEXT_LENGTH].encode("utf-8", "replace").decode()
    return value if isinstance(value, int | float) else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
