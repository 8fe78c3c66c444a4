"""Cuts a stream of JSON into the values worth reading one by one, however long the stream is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lambdas.domain.invocations.decoding import STRUCTURE

MAX_VALUE_BYTES = 16 * 2**20
"""A value that does not end before this is not held any longer; real ones are far shorter.

Decoded, the worst of values takes 28 times as much memory."""

_CHUNK_BYTES = 256 * 2**10
_KEYS_OF_EVENTS = (b'"events"', b'"results"')
_DEPTH_OF_EVENTS = 2
_CUT_OFF = b"{"  # what is rejected in the place of a document's missing end


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Read about so many bytes; empty at the end."""


class EndlessValueError(ValueError):
    """A JSON value goes on for too long to be an invocation log."""


def split_values(stream: Readable) -> Iterator[bytes]:
    """Yield the text of each value in a stream, holding one at a time.

    A value is an element of an array, a log event in `{"events": [...]}` (what
    `aws logs filter-log-events` prints), a row in `{"results": [...]}` (`aws logs
    get-query-results`), or any other object, pretty-printed or not. What is no JSON in between,
    and a value that the stream's end cuts off, is yielded as it stands.

    Raises:
        EndlessValueError: A value is longer than `MAX_VALUE_BYTES`.
    """
    splitter = _Splitter()
    read_bytes = _CHUNK_BYTES
    while chunk := stream.read(read_bytes):
        yield from splitter.feed(chunk)
        # Ask for as much again as is held: a long string is then looked at a few times only.
        read_bytes = max(_CHUNK_BYTES, splitter.held_bytes)
    yield from splitter.finish()


def has_events(text: bytes) -> bool:
    """True if text starts an object with `"events": [` or `"results": [` among its own keys."""
    splitter = _Splitter()
    next(splitter.feed(text), None)  # up to the end of the first value
    return splitter.has_seen_events


class _Splitter:
    """Follows the brackets; `_item_depth` is the depth of the array whose elements are cut out."""

    def __init__(self) -> None:
        self._held = b""
        self._start = 0  # of the value that is being read
        self._position = 0  # up to which brackets have been followed
        self._depth = 0
        self._item_depth = 0
        self._last_string = b""
        self._is_rest_of_events = False
        self.has_seen_events = False

    @property
    def held_bytes(self) -> int:
        return len(self._held) - self._start

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        self._held = self._held[self._start :] + chunk
        self._position -= self._start
        self._start = 0
        if len(self._held) > MAX_VALUE_BYTES:
            raise EndlessValueError
        for token in STRUCTURE.finditer(self._held, self._position):
            mark = token[0]
            if mark == b'"':  # the string goes on beyond what is held
                self._position = token.start()
                return
            if self._depth > _DEPTH_OF_EVENTS:  # inside of a value: only the depth matters
                self._depth += (mark in b"{[") - (mark in b"}]")
            else:
                yield from self._take(mark, *token.span())
        self._position = len(self._held)

    def finish(self) -> Iterator[bytes]:
        is_in_string = self._position < len(self._held)
        is_between_values = self._depth == self._item_depth and not is_in_string
        if not self._is_rest_of_events:
            yield from self._cut(len(self._held))
        if self._depth and (is_between_values or self._is_rest_of_events):
            yield _CUT_OFF  # a value that is cut off says so itself

    def _take(self, mark: bytes, start: int, end: int) -> Iterator[bytes]:
        if mark in b"{[":
            yield from self._open(mark, start, end)
        elif mark in b"}]":
            yield from self._close(start, end)
        elif mark == b",":
            if self._item_depth and self._depth == self._item_depth:
                yield from self._cut(start, end)
        elif self._depth == 1:
            self._last_string = mark
        if self._is_rest_of_events:
            self._start = end

    def _open(self, mark: bytes, start: int, end: int) -> Iterator[bytes]:
        if self._depth == 0:
            yield from self._cut(start)
            if mark == b"[":
                self._item_depth, self._start = 1, end
        elif self._item_depth == 0 and self._depth == 1 and self._opens_events(mark):
            self._item_depth, self._start = _DEPTH_OF_EVENTS, end
            self._is_rest_of_events = False
            self.has_seen_events = True
        self._depth += 1

    def _opens_events(self, mark: bytes) -> bool:
        return mark == b"[" and self._last_string in _KEYS_OF_EVENTS

    def _close(self, start: int, end: int) -> Iterator[bytes]:
        self._depth = max(0, self._depth - 1)
        if self._item_depth and self._depth < self._item_depth:
            yield from self._cut(start, end)
            self._is_rest_of_events = self._item_depth == _DEPTH_OF_EVENTS
            self._item_depth = 0
        elif self._depth == 0 and self._is_rest_of_events:
            self._start, self._is_rest_of_events = end, False
        elif self._depth == 0:
            yield from self._cut(end)

    def _cut(self, end: int, next_start: int | None = None) -> Iterator[bytes]:
        """End the value that is being read."""
        text = self._held[self._start : end].strip()
        self._start = end if next_start is None else next_start
        if text:
            yield text
