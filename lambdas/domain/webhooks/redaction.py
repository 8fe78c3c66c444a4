"""Removes addresses and secrets from what receivers answer, before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

_REDACTED = "***"
_MIN_PART_LETTERS = 6
"""Shorter parts of an address are words such as `hooks`, and no secrets."""


def redact(text: str, url: str, secrets: Iterable[str] = ()) -> str:
    """Replace the address, each longer part of its path and query, and the secrets.

    Receivers repeat them in their answers, such as "cannot find /services/T0/B0/TOKEN".
    """
    target = url.partition("://")[2].partition("/")[2]
    hidden_secrets = {form for each in secrets for form in (each, each.partition("_")[2])}
    found = {url, target, *_split(target), *hidden_secrets}
    hidden = {form for part in found for form in _list_forms(part) if _is_long(form)}
    if not hidden:
        return text
    by_length = sorted(hidden, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, by_length)), re.IGNORECASE)
    return _redact_end(pattern.sub(_REDACTED, text), hidden)


def _list_forms(part: str) -> Iterable[str]:
    """List the forms in which a receiver may repeat a part: as it is, decoded, and encoded."""
    plain = unquote(part)
    for form in (part, plain, quote(plain), quote(plain, safe="")):
        yield form
        yield form.replace("/", "\\/")


def _redact_end(text: str, hidden: Iterable[str]) -> str:
    """Replace the beginning of a part at the end of a text, which may have been cut there."""
    lower = text.lower()
    longest = max(
        (
            length
            for part in hidden
            for length in range(_MIN_PART_LETTERS, len(part))
            if lower.endswith(part[:length].lower())
        ),
        default=0,
    )
    return text[:-longest] + _REDACTED if longest else text


def _split(target: str) -> Iterable[str]:
    for part in re.split("[/?&]", target):
        yield part
        yield part.partition("=")[2]


def _is_long(text: str) -> bool:
    return len(text) >= _MIN_PART_LETTERS
