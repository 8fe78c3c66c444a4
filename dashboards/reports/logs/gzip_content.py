"""The content of gzipped files, also of damaged ones: all bytes before the damage are read."""

from __future__ import annotations

import io
import zlib
from io import BufferedReader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

GZIP_MAGIC = b"\x1f\x8b"
"""The bytes with which gzipped data begins."""

_BUFFER_BYTES = 256 * 2**10
_ZIPPED_BYTES = 64 * 2**10
_GZIP_FORMAT = 16 + zlib.MAX_WBITS  # https://docs.python.org/3/library/zlib.html#zlib.decompressobj


class GzipContent(BufferedReader):
    """Unzipped content, whose damage is an error only once everything before it was read.

    `gzip.GzipFile` instead loses what it unzipped into its buffer when the data ends early: all of
    a small file.
    """

    def __init__(self, zipped: BufferedReader) -> None:
        """Unzip a stream that can be rewound.

        Args:
            zipped: The stream, at its start.
        """
        self._unzipping = _Unzipping(zipped)
        super().__init__(self._unzipping, _BUFFER_BYTES)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes, fewer at the end.

        Raises:
            EOFError: The data was cut off here.
            zlib.error: The data is damaged from here on.
        """
        return super().read(size) or self._end()

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line; errors are those of `read`."""
        return super().readline(size) or self._end()

    def _end(self) -> bytes:
        if self._unzipping.damage is not None:
            raise self._unzipping.damage
        return b""


class _Unzipping(io.RawIOBase):
    """Unzips the members of a gzipped stream; ends before damage and keeps it as an error.

    Attributes:
        damage: The error that ended the content early.
    """

    damage: EOFError | zlib.error | None

    def __init__(self, zipped: BufferedReader) -> None:
        self._zipped = zipped
        self._rewind()

    def _rewind(self) -> None:
        self._zipped.seek(0)
        self._member = zlib.decompressobj(_GZIP_FORMAT)
        self._input = b""
        self._position = 0
        self.damage = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation
        offset += self._position if whence == io.SEEK_CUR else 0
        if offset < self._position:
            self._rewind()
        while self._position < offset and (data := self._read(offset - self._position)):
            self._position += len(data)
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        """Unzip some bytes; none at the end and at damage."""
        try:
            while self.damage is None:
                if self._member.eof and not self._open_next_member():
                    break
                self._input = self._input or self._zipped.read(_ZIPPED_BYTES)
                is_at_end = not self._input
                if data := self._unzip(size):
                    return data
                if is_at_end and not self._member.eof:
                    self.damage = EOFError()
        except (EOFError, zlib.error) as error:
            self.damage = error
        return b""

    def _open_next_member(self) -> bool:
        """Open the member after the last one, padding aside; `False` at the end of the data."""
        rest = self._member.unused_data.lstrip(b"\0")
        while not rest and (read := self._zipped.read(_ZIPPED_BYTES)):
            rest = read.lstrip(b"\0")
        if rest:
            self._input, self._member = rest, zlib.decompressobj(_GZIP_FORMAT)
        return bool(rest)

    def _unzip(self, size: int) -> bytes:
        before, member = self._input, self._member.copy()
        try:
            data = self._member.decompress(before, size)
        except zlib.error as error:
            self.damage = error
            return _unzip_to_damage(member, before, size)
        self._input = self._member.unconsumed_tail
        return data


def _unzip_to_damage(member: zlib._Decompress, zipped: bytes, size: int) -> bytes:
    """Unzip byte by byte: a call that meets damage returns nothing of what it unzipped."""
    data = bytearray()
    try:
        while len(data) < size and (byte := member.decompress(zipped, 1)):
            data += byte
            zipped = member.unconsumed_tail
    except zlib.error:
        pass
    return bytes(data)
