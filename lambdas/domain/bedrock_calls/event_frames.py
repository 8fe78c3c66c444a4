"""Reads the frames of an event stream while its bytes pass, whatever pieces they come in.

A checksum that does not fit never ends the reading: the frame is left out, and the next one is
read. Format: https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError  # noqa: N812  # its name says too little
from typing import NamedTuple
from zlib import crc32

EVENT_STREAM = "application/vnd.amazon.eventstream"
"""The content type."""
_PRELUDE = Struct("!III")  # length of the frame, length of its headers, checksum of both
_CHECKSUM = Struct("!I")
_LENGTH = Struct("!H")
_MIN_FRAME_BYTES = _PRELUDE.size + _CHECKSUM.size
MAX_FRAME_BYTES = 24 * 2**20
"""As AWS's own readers allow; more is no event stream."""
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a value by its type; types 6 and 7 begin with their length."""


class Frame(NamedTuple):
    """An event.

    Attributes:
        headers: The headers whose values are text.
        payload: The content.
    """

    headers: dict[str, str]
    payload: bytes


@dataclass(slots=True)
class FrameReader:
    """Reads frames.

    Attributes:
        is_lost: True once the lengths cannot be trusted; nothing is read from then on.
    """

    is_lost: bool = False
    _bytes: bytearray = field(default_factory=bytearray)

    def read(self, piece: bytes) -> Iterator[Frame]:
        """Read the frames that end in this piece; never raises."""
        if self.is_lost:
            return
        self._bytes += piece
        start = 0
        while len(self._bytes) - start >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(self._bytes, start)
            is_whole = crc32(self._bytes[start : start + 8]) == checksum
            if not is_whole or not _MIN_FRAME_BYTES + headers_length <= length <= MAX_FRAME_BYTES:
                self.is_lost = True
                self._bytes.clear()
                return
            if len(self._bytes) - start < length:
                break
            frame = bytes(self._bytes[start : start + length])
            start += length
            headers = _read_frame_headers(frame, headers_length)
            if headers is not None:
                payload = frame[_PRELUDE.size + headers_length : -_CHECKSUM.size]
                yield Frame(headers, payload)
        del self._bytes[:start]


def _read_frame_headers(frame: bytes, headers_length: int) -> dict[str, str] | None:
    """Read the headers of a whole frame; `None` if its checksum or a header is wrong."""
    (checksum,) = _CHECKSUM.unpack_from(frame, len(frame) - _CHECKSUM.size)
    if crc32(frame[: -_CHECKSUM.size]) != checksum:
        return None
    headers: dict[str, str] = {}
    at, end = _PRELUDE.size, _PRELUDE.size + headers_length
    try:
        while at < end:
            name_end = at + 1 + frame[at]
            name, kind, at = frame[at + 1 : name_end].decode(), frame[name_end], name_end + 1
            if kind in _SIZES:
                at += _SIZES[kind]
                continue
            (length,) = _LENGTH.unpack_from(frame, at)
            at += _LENGTH.size + length
            if kind == _STRING:
                headers[name] = frame[at - length : at].decode()
    except (UnicodeDecodeError, IndexError, StructError):
        return None
    return headers if at == end else None
