"""Removes addresses and secrets from what receivers answer, before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

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
    hidden = {form for part in found for form in (part, unquote(part)) if _is_long(form)}
    for part in sorted(hidden, key=len, reverse=True):
        text = text.replace(part, _REDACTED)
    return text


def _split(target: str) -> Iterable[str]:
    for part in re.split("[/?&]", target):
        yield part
        yield part.partition("=")[2]


def _is_long(text: str) -> bool:
    return len(text) >= _MIN_PART_LETTERS
