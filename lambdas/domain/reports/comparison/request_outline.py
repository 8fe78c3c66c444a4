"""Outlines logged request bodies: their sizes and beginnings, without their content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from secrets import token_bytes
from typing import NamedTuple

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_invocation
from lambdas.domain.invocations.decoding import JsonObject, JsonValue, decode_json
from lambdas.domain.invocations.output_limits import list_output_limits

MAX_PARTS = 64
"""The parts of a request that are read: its tools, its system prompt, its first messages."""
MAX_BYTES = 4 * 2**20
"""The bytes of a request after which no further part is read."""

MAX_PREFIXES = 500_000
"""The number of prefixes of requests that are kept at a time, about 200 bytes each."""

_DIGEST_BYTES = 8
_KEY_BYTES = 32


class Prefix(NamedTuple):
    """A beginning of a request.

    Attributes:
        digest: Equal for equal beginnings, within one run. It says nothing without the run's key.
        size_bytes: Its length as JSON in UTF-8.
    """

    digest: int
    size_bytes: int


class RequestOutline(NamedTuple):
    """The outline of a request body.

    Attributes:
        max_tokens: The output tokens that it allows; `None` where it sets no limit.
        prefixes: Its beginnings, ever longer: up to its tools, its system prompt, each message.
    """

    max_tokens: int | None = None
    prefixes: tuple[Prefix, ...] = ()


def read_outline(log: JsonValue, key: bytes) -> RequestOutline | None:
    """Outline the request of a decoded invocation log; never raises.

    Bodies are written by callers: fixed paths by their shape, bounded work, nothing searched for.

    Args:
        log: The log.
        key: A random key of this run, 16 to 64 bytes. Without it, others could test which text a
            digest is of.

    Returns:
        `None` where the log has no body: logging of content is off, or the body is too large.
    """
    request = log.get("input") if isinstance(log, dict) else None
    body = request.get("inputBodyJson") if isinstance(request, dict) else None
    if isinstance(body, str):
        body = decode_json(body)
    if not isinstance(body, dict):
        return None
    return RequestOutline(next(list_output_limits(body), None), tuple(_prefixes(body, key)))


def _prefixes(body: JsonObject, key: bytes) -> Iterator[Prefix]:
    digest = blake2b(key=key, digest_size=_DIGEST_BYTES)
    size = 0
    for part in islice(_parts(body), MAX_PARTS):
        text = _to_bytes(part)
        if text is None or size > MAX_BYTES:
            return
        size += len(text)
        digest.update(len(text).to_bytes(8) + text)
        yield Prefix(int.from_bytes(digest.digest()), size)


def _parts(body: JsonObject) -> Iterator[JsonValue]:
    """Tools, system prompt and messages: the order in which Bedrock caches them.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
    """
    config = body.get("toolConfig")
    tools = config.get("tools") if isinstance(config, dict) else body.get("tools")
    yield from (part for part in (tools, body.get("system")) if part)
    messages = body.get("messages")
    yield from messages if isinstance(messages, list) else ()


def _to_bytes(part: JsonValue) -> bytes | None:
    try:
        text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):  # numbers of thousands of digits; nested too deep
        return None
    return text.encode("utf-8", "surrogatepass")


class OutlineCache:
    """Outlines of the calls that are being read, in memory alone, within a bound.

    Attributes:
        left_out: Bodies that were not kept because there was no more room.
    """

    def __init__(
        self,
        is_wanted: Callable[[UsageRecord], bool] = lambda _: True,
        max_prefixes: int = MAX_PREFIXES,
    ) -> None:
        """Start empty, with a new random key; see `read_outline`.

        Args:
            is_wanted: Asked for each call; the requests of others are not looked at.
            max_prefixes: The number of prefixes that are kept; an outline counts as two more.
        """
        self.left_out = 0
        self._is_wanted = is_wanted
        self._key = token_bytes(_KEY_BYTES)
        self._room = max_prefixes
        self._outlines: dict[tuple[str, str, str], RequestOutline] = {}

    def read_invocation(self, log: JsonValue) -> UsageRecord | RejectionReason:
        """Read a log as the meter does, and store the outline of its request."""
        record = read_invocation(log)
        if isinstance(record, UsageRecord) and self._is_wanted(record):
            self.take(record.key)  # a later reading replaces an earlier one, as in the ledger
            outline = read_outline(log, self._key)
            if outline is not None:
                self._keep(record, outline)
        return record

    def take(self, key: tuple[str, str, str]) -> RequestOutline | None:
        """Return and remove the outline of a call; `None` if there is no outline."""
        outline = self._outlines.pop(key, None)
        if outline is not None:
            self._room += _weight(outline)
        return outline

    def _keep(self, record: UsageRecord, outline: RequestOutline) -> None:
        if self._room < _weight(outline):
            self.left_out += 1
            return
        self._room -= _weight(outline)
        self._outlines[record.key] = outline


def _weight(outline: RequestOutline) -> int:
    """The room that an outline takes up: that of its prefixes and of two more."""
    return 2 + len(outline.prefixes)
