"""Gzipped content, whole and damaged: what `zcat` prints is read."""

import gzip
import io
import random
import zlib

import pytest

from dashboards.reports.logs.gzip_content import GzipContent

RANDOM = random.Random(21)  # noqa: S311  # data to compress


def make_lines(number: int) -> bytes:
    return b"".join(b"%d %032x\n" % (line, RANDOM.getrandbits(128)) for line in range(number))


SHORT, LONG = make_lines(100), make_lines(50_000)


def open_gzip(zipped: bytes) -> GzipContent:
    return GzipContent(io.BufferedReader(io.BytesIO(zipped)))


def read_lines(zipped: bytes) -> tuple[bytes, Exception | None]:
    """Read all lines, and the error that ended them."""
    content, read = open_gzip(zipped), b""
    try:
        while line := content.readline():
            read += line
    except (EOFError, zlib.error) as error:
        return read, error
    return read, None


@pytest.mark.parametrize("text", [b"", SHORT, LONG])
def test_whole_content_is_read_member_by_member(text: bytes) -> None:
    zipped = gzip.compress(text)
    assert read_lines(zipped) == (text, None)
    assert read_lines(zipped + bytes(600) + zipped) == (text + text, None)


def test_content_can_be_rewound() -> None:
    content = open_gzip(gzip.compress(LONG))
    assert content.read(400_000) == LONG[:400_000]
    for position in (0, 10, 900_000, 300):
        content.seek(position)
        assert content.read(100) == LONG[position : position + 100]


@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("lost", [4, 100, 2_000])
def test_cut_off_data_is_read_to_its_end(text: bytes, lost: int) -> None:
    cut_off = gzip.compress(text)[:-lost]
    read, error = read_lines(cut_off)
    assert isinstance(error, EOFError)
    assert read == zlib.decompressobj(31).decompress(cut_off)
    assert read


@pytest.mark.parametrize("text", [SHORT, LONG])
def test_data_with_a_wrong_checksum_is_read_to_its_end(text: bytes) -> None:
    read, error = read_lines(gzip.compress(text)[:-8] + bytes(8))
    assert isinstance(error, zlib.error)
    assert read.splitlines() == text.splitlines()


def test_damage_in_the_middle_loses_nothing_before_it() -> None:
    zipped = gzip.compress(LONG, compresslevel=0)  # as it is, in blocks of at most 65,535 bytes
    damaged = bytearray(zipped)
    second_block = zipped.index(LONG[:10]) + 65_535
    damaged[second_block - 1024 : second_block + 1024] = b"\xff" * 2048
    read, error = read_lines(bytes(damaged))
    assert isinstance(error, zlib.error)
    assert read[:60_000] == LONG[:60_000]


def test_other_data_after_a_member_is_damage() -> None:
    read, error = read_lines(gzip.compress(SHORT) + b"no gzip")
    assert (read, type(error)) == (SHORT, zlib.error)
