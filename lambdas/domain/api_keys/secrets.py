"""The text of API keys: random, recognizable, and with a checksum.

`bmk_` + 52 letters of 256 random bits + 7 letters of their checksum, in base 32.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

MARK = "bmk_"
"""The beginning of every key, by which scanners for secrets find them."""
RANDOM_BYTES = 32
_SHOWN_LETTERS = 8
_BODY_LETTERS, _CHECKSUM_LETTERS = 52, 7
_KEY = re.compile(rf"{MARK}[a-z2-7]{{{_BODY_LETTERS}}}[a-z2-7]{{{_CHECKSUM_LETTERS}}}")


class NewSecret(NamedTuple):
    """A key that was just made. Its text is shown once and never stored.

    Attributes:
        text: The key.
        digest: Its SHA-256, by which it is found. A fast hash is right for 256 random bits.
        prefix: Its first letters, by which people recognize it.
    """

    text: str
    digest: str
    prefix: str


def make_secret(random: bytes) -> NewSecret:
    """Make a key of random bytes.

    Raises:
        ValueError: They are not 32.
    """
    if len(random) != RANDOM_BYTES:
        message = f"a key is made of {RANDOM_BYTES} random bytes"
        raise ValueError(message)
    body = _write_base32(random)
    text = f"{MARK}{body}{_make_checksum(body)}"
    return NewSecret(text, digest_secret(text), text[: len(MARK) + _SHOWN_LETTERS])


def is_well_formed(text: str) -> bool:
    """Say if a text can be a key: others are refused before any table is read.

    The checksum finds typing errors and random texts, not attackers, who can compute it.
    """
    if _KEY.fullmatch(text) is None:
        return False
    body = text[len(MARK) : -_CHECKSUM_LETTERS]
    return text[-_CHECKSUM_LETTERS:] == _make_checksum(body)


def digest_secret(text: str) -> str:
    """The hash under which a key is stored."""
    return sha256(text.encode()).hexdigest()


def _make_checksum(body: str) -> str:
    return _write_base32(crc32(f"{MARK}{body}".encode()).to_bytes(4))


def _write_base32(value: bytes) -> str:
    return b32encode(value).decode().rstrip("=").lower()
