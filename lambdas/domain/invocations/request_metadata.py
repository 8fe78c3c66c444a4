"""The `requestMetadata` of a call: bounded, and an unverified claim of the caller."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TypeAlias

from lambdas.domain.invocations.decoding import JsonValue

RequestMetadata: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values, in order of the names. Callers can write anything: see `attribution`."""

NO_METADATA: RequestMetadata = ()
RESERVATION_NAME = "bedrock-meter-reservation"
"""The name of a gateway's reservation, which the call settles."""
RESERVED_NAMES = frozenset({RESERVATION_NAME})
"""Names that the meter itself uses."""
MAX_PAIRS = 16
MAX_METADATA_LENGTH = 256
"""Characters of a name, and of a value."""
METADATA_FORM = f"1 to {MAX_METADATA_LENGTH} of A-Z, a-z, 0-9, blanks and : _ @ $ # = / + , - ."
"""The texts that `is_metadata_text` takes, for messages."""
_METADATA_TEXT = re.compile(rf"[A-Za-z0-9 :_@$#=/+,.-]{{1,{MAX_METADATA_LENGTH}}}")


def read_metadata(value: JsonValue) -> RequestMetadata:
    """Read the metadata of a call; never raises.

    Pairs that Bedrock would have refused are left out: those that are not text, are too long or
    cannot be written as UTF-8, names that are empty, and all but the first pairs by name.
    Bounds: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """
    if not isinstance(value, dict):
        return NO_METADATA
    pairs = [(name, text) for name, text in value.items() if name and _fits(name) and _fits(text)]
    return tuple(sorted(pairs)[:MAX_PAIRS])


def keep_names(metadata: RequestMetadata, names: Collection[str]) -> RequestMetadata:
    """Keep the pairs with some names and with the meter's own.

    Callers may write prompts into other pairs.

    Args:
        metadata: The value that the caller sent.
        names: The names that attribution asks for.
    """
    return tuple(pair for pair in metadata if pair[0] in names or pair[0] in RESERVED_NAMES)


def is_metadata_text(text: str) -> bool:
    """True if Bedrock takes a text as a name in metadata, and as a value.

    Bedrock takes other white space than blanks, too, and empty values. JSON makes such white space
    longer, and no name needs it. Source: the pattern of `requestMetadata` of Converse in botocore's
    model of bedrock-runtime.
    """
    return _METADATA_TEXT.fullmatch(text) is not None


def _fits(text: JsonValue) -> bool:
    return isinstance(text, str) and len(text) <= MAX_METADATA_LENGTH and _is_whole(text)


def _is_whole(text: str) -> bool:
    """Return true when a text holds no lone surrogate, which no store can take."""
    return text.isascii() or text.encode("utf-8", "ignore").decode() == text
