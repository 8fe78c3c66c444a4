"""Reads the header by which a caller makes its call a part of its own trace."""

from __future__ import annotations

import re
from typing import NamedTuple

# https://www.w3.org/TR/trace-context/#traceparent-header
_HEADER = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-[!-~]*)?"
)
_INVALID_VERSION, _FIRST_VERSION = "ff", "00"
_IS_SAMPLED = 1


class TraceParent(NamedTuple):
    """The span of a caller.

    Attributes:
        trace_id: The trace, 16 bytes.
        span_id: The span, 8 bytes.
        is_sampled: True if the caller records the trace.
    """

    trace_id: bytes
    span_id: bytes
    is_sampled: bool


def read_trace_parent(header: str | None) -> TraceParent | None:
    """Read a `traceparent` header; `None` without one, or if its form is wrong.

    Example:
        >>> read_trace_parent("00-" + 32 * "a" + "-" + 16 * "b" + "-01").is_sampled
        True
    """
    found = _HEADER.fullmatch((header or "").strip(" \t"))
    if found is None or found["version"] == _INVALID_VERSION:
        return None
    if found["version"] == _FIRST_VERSION and found["rest"]:
        return None
    trace_id, span_id = bytes.fromhex(found["trace"]), bytes.fromhex(found["span"])
    if not any(trace_id) or not any(span_id):
        return None
    return TraceParent(trace_id, span_id, bool(int(found["flags"], 16) & _IS_SAMPLED))
