"""Removes what identifies an account or a person from texts that leave it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

# IAM allows these characters in names of users, roles and sessions.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_NAMES = r"[\w+=,.@/-]+"
_KINDS = "assumed-role|federated-user|role|user"
_ARN = re.compile(
    rf"arn:[\w-]+:(?:[\w-]*:){{3}}(?:{_KINDS})/{_NAMES}|arn:[\w-]+:[^\s\"'\\,;<>()\]}}]+"
)
_PRINCIPAL = re.compile(rf"\b(?:{_KINDS})/{_NAMES}")
# The ids of users, roles and access keys, a session's name behind them.
_UNIQUE_ID = re.compile(rf"\bA[A-Z]{{3}}[A-Z0-9]{{12,}}(?::{_NAMES})?")
_ACCOUNT = re.compile(r"(?<!\d)(?<!\d\.)(?:\d{12}|\d{4}-\d{4}-\d{4})(?!\d)")


def redact(text: str, names: Iterable[str] = ()) -> str:
    """Replace ARNs, principals, their ids and account ids.

    Args:
        text: The text.
        names: Further names to replace, such as the session name of the caller.
    """
    for pattern, word in (
        (_ARN, "ARN"),
        (_PRINCIPAL, "PRINCIPAL"),
        (_UNIQUE_ID, "ID"),
        (_ACCOUNT, "ACCOUNT"),
    ):
        text = pattern.sub(word, text)
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "NAME", text)
    return text


def redact_values(value: Any, names: Sequence[str] = ()) -> Any:  # noqa: ANN401  # JSON
    """Redact every text of a document, and make it JSON; numbers stay as they are."""
    match value:
        case str():
            return redact(value, names)
        case datetime():
            return value.isoformat()
        case Mapping():
            return {redact(key, names): redact_values(item, names) for key, item in value.items()}
        case list() | tuple():
            return [redact_values(item, names) for item in value]
        case _:
            return value
