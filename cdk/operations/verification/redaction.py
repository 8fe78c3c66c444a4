"""Removes what identifies an account or a person from texts that leave it."""

from __future__ import annotations

import re

_ARN = re.compile(r"arn:[\w-]+:[^\s\"'\\,;<>()\]}]+")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


def redact(text: str) -> str:
    """Replace ARNs, which can name accounts and people, and account ids."""
    return _ACCOUNT.sub("ACCOUNT", _ARN.sub("ARN", text))
